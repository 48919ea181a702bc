import { keyOf, type Row, type TableName, tables } from '../fuzz/app.ts'
import { Violation } from '../fuzz/check.ts'
import type { PushAnswer, PushRequest } from '../supabase/functions/_tidemark/wire.ts'

/** The column of each table that names the edit which wrote it last. */
export const marked: Partial<Record<TableName, string>> = {
  trips: 'title',
  items: 'name',
  docs: 'body',
  cards: 'text',
  notes: 'body',
  notices: 'text',
}

/** What names an edit of the app: a value that it alone writes; a removal has none, and is named by who removes what. */
export const markOf = (
  phone: string,
  { table, id, op, data }: { table: string; id: string; op: string; data?: Row | undefined },
): string | undefined =>
  op === 'delete'
    ? `${phone} removes ${keyOf(table, id)}`
    : (data?.[marked[table as TableName]!] as string | undefined)

/** What became of an edit of the app, by what the server answered. */
export type Outcome = 'accepted' | 'overruled' | 'rejected'

interface Account {
  /** Marks that the row may show; undefined where it is not known. */
  marks?: Set<unknown> | undefined
  /** The exact value of the column that adds up; undefined where it is not known. */
  sum?: number | undefined
  /** Undefined where it is not known. */
  deleted?: boolean | undefined
  /** A device has sent it whole. */
  put?: boolean
}

interface Books {
  rows: Map<string, Account>
  /** By mark: device and number under which it was applied. */
  applied: Map<string, string>
  outcomes: Map<string, Outcome>
}

/** What the server has taken, kept outside of the database and in the order in which it did. */
export class Ledger {
  #books: Books = { rows: new Map(), applied: new Map(), outcomes: new Map() }
  #copy: Books | undefined
  /** Marks that the server had taken and that a restore of the database took away again. */
  readonly rolledBack = new Set<string>()
  /** Marks that two storages had waiting when one was copied: the copy sends them under its own name. */
  readonly doubled = new Set<string>()

  backUp(): void {
    this.#copy = structuredClone(this.#books)
  }

  restore(): void {
    if (!this.#copy) return
    for (const [mark] of this.#books.outcomes)
      if (!this.#copy.outcomes.has(mark)) this.rolledBack.add(mark)
    this.#books = structuredClone(this.#copy)
  }

  outcome(mark: string): Outcome | undefined {
    return this.#books.outcomes.get(mark)
  }

  /** Plain SQL has done this to a row. */
  wrote(table: TableName, id: string, change: { mark?: string; sum?: number; add?: number }): void {
    const account = this.#account(keyOf(table, id))
    if (change.mark !== undefined) account.marks = new Set([change.mark])
    if (change.sum !== undefined) account.sum = change.sum
    if (change.add !== undefined && account.sum !== undefined) account.sum += change.add
    account.deleted ??= false
  }

  deleted(table: TableName, id: string): void {
    this.#account(keyOf(table, id)).deleted = true
  }

  /** Somebody decides a conflict: which side wins is not the ledger's business. */
  unsure(table: string, id: string): void {
    Object.assign(this.#account(keyOf(table, id)), {
      marks: undefined,
      sum: undefined,
      deleted: undefined,
    })
  }

  /** A push that was carried out, whoever heard of it. */
  take(phone: string, { device_id, mutations }: PushRequest, { results }: PushAnswer): void {
    for (const [n, mutation] of mutations.entries()) {
      const { table, id, op, seq } = mutation
      const data = mutation.data as Row | undefined
      const old = mutation.old as Row | undefined
      const result = results[n]!
      const { status, copy_id, conflict_id } = result as typeof result & {
        copy_id?: string | null
        conflict_id?: string | null
      }
      const lost = result.lost ?? []
      const column = marked[table as TableName]
      if (status === 'duplicate' || column === undefined) continue
      const mark = markOf(phone, { table, id, op, data })
      const elsewhere = !!(copy_id ?? conflict_id)
      if (status === 'rejected') {
        if (mark !== undefined && !this.#books.outcomes.has(mark))
          this.#books.outcomes.set(mark, 'rejected')
        continue
      }
      const account = this.#account(keyOf(table, id))
      if (op === 'delete') {
        const overruled = elsewhere || status === 'conflict' || lost.length > 0
        this.#books.outcomes.set(mark!, overruled ? 'overruled' : 'accepted')
        // Without a version it is not told whether there was a row that the caller might delete.
        account.deleted = status === 'conflict' || result.version == null ? undefined : true
        continue
      }
      if (account.deleted) account.deleted = undefined
      else if (op === 'put') account.deleted = false
      if (mark !== undefined) {
        this.#claim(mark, `${device_id} ${seq}`)
        const overruled = elsewhere || lost.includes(column)
        this.#books.outcomes.set(mark, overruled ? 'overruled' : 'accepted')
        if (!overruled) account.marks = new Set([mark])
        else if (elsewhere) account.marks?.add(mark)
        if (copy_id) this.#account(keyOf(table, copy_id)).marks = undefined
      }
      if (data && 'quantity' in data && !lost.includes('quantity')) {
        const [after, before] = [data.quantity, old?.quantity]
        // A copied storage sends what waited in it as edits of its own, a new row too: what both make of
        // its sum, together with what each of them put on top, the books cannot tell.
        const again = account.put || (mark !== undefined && this.doubled.has(mark))
        if (op === 'put') {
          account.sum = again ? undefined : (after as number)
          account.put = true
        } else if (typeof after === 'number' && typeof before === 'number') {
          if (account.sum !== undefined) account.sum += after - before
        } else account.sum = undefined
      }
    }
  }

  #claim(mark: string, by: string): void {
    const before = this.#books.applied.get(mark)
    if (before !== undefined && !this.doubled.has(mark))
      throw new Violation(`edit ${mark} was applied twice, as ${before} and as ${by}`)
    this.#books.applied.set(mark, by)
  }

  /** Holds the rows as they are, tombstones too, against the books. */
  check(stored: ReadonlyMap<string, Row>): void {
    for (const [key, { marks, sum, deleted }] of this.#books.rows) {
      const [table, id] = key.split('/') as [TableName, string]
      const row = stored.get(key)
      const live = row !== undefined && row.deleted_at === null
      if (deleted === true && live) throw new Violation(`the delete of ${key} is lost`)
      if (!live) {
        const parent =
          table === 'items' && row ? stored.get(keyOf('trips', row.trip_id)) : undefined
        const went = table === 'items' && (!row || !parent || parent.deleted_at !== null)
        if (deleted === false && !went)
          throw new Violation(
            `${key} (${tables[table].scope(row ?? { id })}) was never deleted, and is gone`,
          )
        continue
      }
      const shown = row[marked[table]!]
      if (marks && !marks.has(shown))
        throw new Violation(
          `${key} shows edit ${String(shown)}, and the last one that the server took is ${[...marks].join(' or ')}`,
        )
      if (sum !== undefined && row.quantity !== sum)
        throw new Violation(
          `${key} adds up to ${String(row.quantity)}, and the edits taken to ${sum}`,
        )
    }
  }

  #account(key: string): Account {
    let account = this.#books.rows.get(key)
    if (!account) this.#books.rows.set(key, (account = {}))
    return account
  }
}
