import { randomUUID } from 'node:crypto'
import type { PullAnswer, PushResult } from '../../../supabase/functions/_tidemark/wire.ts'
import { keyOf, type Rows } from '../../app/rows.ts'
import type { Row } from '../../app/tables.ts'
import type { Edit } from '../../oracle/answer.ts'
import type { Told } from '../../oracle/edits.ts'
import { markOf } from '../../oracle/ledger.ts'

/** A row as the server last told it. Where it came with the answer to a push, its scope is not known yet. */
interface ServerRow {
  table: string
  id: string
  row: Row
  scope?: string
}

/** What the smallest device that is right by the protocol stores: the server's rows, a cursor, a queue. */
export class State {
  id: string = randomUUID()
  seq = 0
  cursor: unknown = null
  rows = new Map<string, ServerRow>()
  queue: Edit[] = []
  /** Edits that were refused. */
  failed: Edit[] = []

  copy(): State {
    const { id, seq, cursor, rows, queue, failed } = this
    return Object.assign(new State(), {
      id,
      seq,
      cursor,
      rows: new Map(rows),
      queue: [...queue],
      failed: [...failed],
    })
  }

  /** Another id for the same content: what waits will be sent as if it had never been. */
  rename(): void {
    this.id = randomUUID()
  }

  /** The rows as the server last told them. */
  serverRows(): Rows {
    return new Map([...this.rows].map(([key, { row }]) => [key, row]))
  }

  /** The row as its user sees it: what the server told, and the edits that wait on top. */
  shown(table: string, id: string): Row | null {
    let row = this.rows.get(keyOf(table, id))?.row ?? null
    for (const edit of this.queue)
      if (edit.table === table && edit.id === id) row = afterEdit(row, edit)
    return row
  }

  /** Ids of a table's rows that its user sees. */
  ids(table: string): string[] {
    const known = [...this.rows.values(), ...this.queue].filter((one) => one.table === table)
    return [...new Set(known.map(({ id }) => id))].filter((id) => this.shown(table, id))
  }

  enqueue(
    edit: Pick<Edit, 'op' | 'table' | 'id' | 'edited_at'>,
    data: Row | undefined,
    withOld: boolean,
  ): Edit {
    const { op, table, id } = edit
    const shown = this.shown(table, id)
    const made: Edit = {
      ...edit,
      seq: ++this.seq,
      base: (this.rows.get(keyOf(table, id))?.row.version as number | undefined) ?? null,
      ...(data && { data }),
      ...(op === 'patch' &&
        withOld && {
          old: Object.fromEntries(
            Object.keys(data!).map((column) => [column, shown?.[column] ?? null]),
          ),
        }),
    }
    this.queue.push(made)
    return made
  }

  /** Takes a page in, and its cursor with it. Queued edits stay. */
  applyPage(page: PullAnswer): void {
    // A first page begins with nothing: what it does not hold may have gone unseen.
    if (page.reset || this.cursor === null) this.rows.clear()
    for (const left of page.left)
      // A row whose scope is not known yet comes again if it is still ours.
      for (const [key, { scope }] of this.rows)
        if (scope === undefined || scope === left) this.rows.delete(key)
    for (const { scope, table, upsert, remove } of page.changes) {
      for (const row of upsert) {
        const id = String(row.id)
        this.rows.set(keyOf(table, id), { table, id, row, scope })
      }
      for (const id of remove) {
        const held = this.rows.get(keyOf(table, id))
        if (held && (held.scope === undefined || held.scope === scope))
          this.rows.delete(keyOf(table, id))
      }
    }
    this.cursor = page.cursor
  }

  /** Takes the answer to a push in: those edits leave the queue, and refused ones are kept. Returns what its user is told. */
  applyAnswer(batch: readonly Edit[], results: readonly PushResult[]): Told[] {
    const told: Told[] = []
    for (const [place, edit] of batch.entries()) {
      const result = results[place]!
      const { table, id } = edit
      if (result.status === 'rejected' || result.error) {
        this.failed.push(edit)
        told.push({ table, id })
        continue
      }
      if (isOverruled(edit, result))
        told.push({
          table,
          id,
          ...(result.lost && !isElsewhere(result) && { columns: result.lost }),
        })
      const key = keyOf(table, id)
      const held = this.rows.get(key)
      let row = result.row ?? null
      if (!result.row && result.status === 'applied') {
        row = afterEdit(held?.row ?? null, edit)
        if (row && result.version != null) row = { ...row, version: result.version }
      }
      if (row) this.rows.set(key, { ...held, table, id, row })
      else if (result.status !== 'conflict') this.rows.delete(key)
    }
    const done = new Set(batch.map(({ seq }) => seq))
    this.queue = this.queue.filter(({ seq }) => !done.has(seq))
    return told
  }

  marks(device: string, edits: readonly Edit[]): string[] {
    return edits.flatMap((edit) => markOf(device, edit) ?? [])
  }
}

const isElsewhere = (result: PushResult): boolean => {
  const { copy_id, conflict_id } = result as { copy_id?: string; conflict_id?: string }
  return !!(copy_id ?? conflict_id)
}

const isOverruled = ({ op }: Edit, result: PushResult): boolean =>
  isElsewhere(result) ||
  (result.lost ?? []).length > 0 ||
  // A repeated answer has another status, and the row that is still there.
  (op === 'delete' && (result.status === 'conflict' || !!result.row))

/** A row after an edit; null where it is gone or was never there. */
function afterEdit(row: Row | null, { op, data }: Edit): Row | null {
  if (op === 'delete' || (op === 'patch' && row === null)) return null
  return { ...row, ...data }
}
