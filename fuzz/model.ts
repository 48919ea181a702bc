import { randomUUID } from 'node:crypto'
import type { PullAnswer, PushResult } from '../supabase/functions/_tidemark/wire.ts'
import { keyOf, type Row, type TableName } from './app.ts'

/** A queued edit, as it goes over the wire. */
export interface Edit {
  seq: number
  table: TableName
  op: 'put' | 'patch' | 'delete'
  id: string
  base: number | null
  data?: Row
  old?: Row
  edited_at: string
}

/** A row as the server last told it. Where it came with the answer to a push, its scope is not known yet. */
export interface Held {
  table: string
  id: string
  row: Row
  scope?: string
}

/** What of a device outlives the app: a backup of it can be brought back. */
export interface Stored {
  id: string
  seq: number
  cursor: unknown
  rows: Map<string, Held>
  queue: Edit[]
}

/** The smallest device that is right by the protocol: the server's rows, a cursor, a queue of edits. */
export class Device implements Stored {
  readonly name: string
  readonly user: string
  /** Its clock is wrong by this many milliseconds. */
  readonly skew: number
  id: string = randomUUID()
  seq = 0
  cursor: unknown = null
  rows = new Map<string, Held>()
  queue: Edit[] = []

  constructor(name: string, user: string, skew: number) {
    this.name = name
    this.user = user
    this.skew = skew
  }

  clock(): string {
    return new Date(Date.now() + this.skew).toISOString()
  }

  /** The row as its user sees it: what the server told, and the edits that wait on top. */
  sees(table: string, id: string): Row | null {
    let row = this.rows.get(keyOf(table, id))?.row ?? null
    for (const edit of this.queue)
      if (edit.table === table && edit.id === id) row = after(row, edit)
    return row
  }

  /** Ids of a table's rows that its user sees. */
  ids(table: string): string[] {
    const known = [...this.rows.values(), ...this.queue].filter((one) => one.table === table)
    return [...new Set(known.map(({ id }) => id))].filter((id) => this.sees(table, id))
  }

  edit(op: Edit['op'], table: TableName, id: string, data?: Row, withOld = true): Edit {
    const seen = this.sees(table, id)
    const edit: Edit = {
      seq: ++this.seq,
      table,
      op,
      id,
      base: (this.rows.get(keyOf(table, id))?.row.version as number | undefined) ?? null,
      edited_at: this.clock(),
      ...(data && { data }),
      ...(op === 'patch' &&
        withOld && {
          old: Object.fromEntries(
            Object.keys(data!).map((column) => [column, seen?.[column] ?? null]),
          ),
        }),
    }
    this.queue.push(edit)
    return edit
  }

  /** Takes a page in, and its cursor with it. Queued edits stay. */
  apply(page: PullAnswer): void {
    // A first page begins with nothing: what it does not hold may have gone unseen.
    if (page.reset || this.cursor === null) this.rows.clear()
    for (const scope of page.left)
      // A row whose scope is not known yet comes again if it is still ours.
      this.#drop((held) => held.scope === undefined || held.scope === scope)
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

  /** Takes the answer to a push in: those edits leave the queue. Refused ones are set aside. */
  answered(batch: readonly Edit[], results: readonly PushResult[]): void {
    for (const [place, edit] of batch.entries()) {
      const result = results[place]!
      const key = keyOf(edit.table, edit.id)
      const held = this.rows.get(key)
      if (result.status === 'rejected' || 'error' in result) continue
      const { table, id } = edit
      let row = result.row ?? null
      if (!result.row && result.status === 'applied') {
        row = after(held?.row ?? null, edit)
        if (row && result.version != null) row = { ...row, version: result.version }
      }
      if (row) this.rows.set(key, { ...held, table, id, row })
      else if (result.status !== 'conflict') this.rows.delete(key)
    }
    const done = new Set(batch.map(({ seq }) => seq))
    this.queue = this.queue.filter(({ seq }) => !done.has(seq))
  }

  /** Another name for the same content: what waits will be sent as if it had never been. */
  rename(): void {
    this.id = randomUUID()
  }

  reinstall(): void {
    Object.assign(this, { id: randomUUID(), seq: 0, cursor: null, rows: new Map(), queue: [] })
  }

  backup(): Stored {
    const { id, seq, cursor, rows, queue } = this
    return { id, seq, cursor, rows: new Map(rows), queue: [...queue] }
  }

  restore(stored: Stored): void {
    Object.assign(this, { ...stored, rows: new Map(stored.rows), queue: [...stored.queue] })
  }

  #drop(chosen: (held: Held) => boolean): void {
    for (const [key, held] of this.rows) if (chosen(held)) this.rows.delete(key)
  }
}

/** A row after an edit; null where it is gone or was never there. */
export function after(row: Row | null, { op, data }: Edit): Row | null {
  if (op === 'delete' || (op === 'patch' && row === null)) return null
  return { ...row, ...data }
}
