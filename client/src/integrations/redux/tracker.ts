import type { Table } from '../../api/table.ts'
import { classify, type SyncError } from '../../model/errors.ts'
import type { Row } from '../../model/row.ts'
import { sameJson } from '../../util/json.ts'

/** Rows as a store keeps them: in a list, or by key. */
export type Entities = readonly Row[] | Readonly<Record<string, Row>>

/** Turns what changes in an app's own state into edits of a table. */
export interface Tracker {
  /**
   * Writes what differs between two states: new rows are inserted, changed columns updated, rows that
   * are gone removed. Changes are written in the order in which they are given.
   */
  track(before: Entities | undefined, after: Entities | undefined): void
  /** Resolves when everything tracked so far is written. */
  idle(): Promise<void>
}

function byKey(entities: Entities | undefined, key: string): Map<string, Row> {
  const rows = Array.isArray(entities) ? (entities as Row[]) : Object.values(entities ?? {})
  return new Map(rows.map((row) => [String(row[key]), row]))
}

/** `key` is the column of the primary key. A write that fails is told to `onError`; the others go on. */
export function createTracker(
  table: Table,
  key = 'id',
  onError: (error: SyncError) => void = (error) => console.error('tidemark: not tracked', error),
): Tracker {
  let tail: Promise<void> = Promise.resolve()

  function queue(write: () => Promise<unknown>): void {
    tail = after(tail, write)
  }

  async function after(before: Promise<void>, write: () => Promise<unknown>): Promise<void> {
    await before
    try {
      await write()
    } catch (error) {
      onError(classify(error))
    }
  }

  return {
    track(before, after) {
      if (before === after) return
      const was = byKey(before, key)
      const is = byKey(after, key)
      for (const [id, row] of is) {
        const old = was.get(id)
        if (old === row) continue
        if (!old) {
          queue(() => table.insert(row))
          continue
        }
        const columns = new Set([...Object.keys(old), ...Object.keys(row)])
        const changed = [...columns].filter(
          (name) => !sameJson(old[name] ?? null, row[name] ?? null),
        )
        const patch = Object.fromEntries(changed.map((name) => [name, row[name] ?? null]))
        if (changed.length > 0) queue(() => table.update(id, patch))
      }
      for (const id of was.keys()) if (!is.has(id)) queue(() => table.remove(id))
    },
    idle: () => tail,
  }
}
