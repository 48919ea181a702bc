import type { Table } from '../../api/table.ts'
import { classify, type SyncError } from '../../model/errors.ts'
import type { Row } from '../../model/row.ts'
import { sameJson } from '../../util/json.ts'

/** Rows in the app's state: a list, or an object with the rows by key. */
export type Entities = readonly Row[] | Readonly<Record<string, Row>>

/** Turns changes of an app's state into edits of a table. */
export interface Tracker {
  /**
   * Writes the difference between two states: inserts new rows, updates changed columns and deletes missing rows.
   * Differences are written in the order of the calls.
   */
  track(before: Entities | undefined, after: Entities | undefined): void
  /** Resolves when all differences so far are written. */
  idle(): Promise<void>
}

/** Rows by primary key. */
function byKey(entities: Entities | undefined, key: string): Map<string, Row> {
  const rows = Array.isArray(entities) ? (entities as Row[]) : Object.values(entities ?? {})
  return new Map(rows.map((row) => [String(row[key]), row]))
}

/** `key` is the column of the primary key. Failed writes are passed to `onError` and do not stop later ones. */
export function createTracker(
  table: Table,
  key = 'id',
  onError: (error: SyncError) => void = (error) =>
    console.error('tidemark: a change was not written', error),
): Tracker {
  let lastWrite: Promise<void> = Promise.resolve()

  function queue(write: () => Promise<unknown>): void {
    lastWrite = writeAfter(lastWrite, write)
  }

  async function writeAfter(previous: Promise<void>, write: () => Promise<unknown>): Promise<void> {
    await previous
    try {
      await write()
    } catch (error) {
      onError(classify(error))
    }
  }

  return {
    track(before, after) {
      if (before === after) return
      const oldRows = byKey(before, key)
      const newRows = byKey(after, key)
      for (const [id, row] of newRows) {
        const old = oldRows.get(id)
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
      for (const id of oldRows.keys()) if (!newRows.has(id)) queue(() => table.remove(id))
    },
    idle: () => lastWrite,
  }
}
