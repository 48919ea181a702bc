import type { Effect } from '../app/effect.ts'
import { keyOf, same } from '../app/rows.ts'
import { isMark } from '../app/setting.ts'
import { type Row, type TableName, tables } from '../app/tables.ts'
import type { PushAnswer, PushRequest } from '../../supabase/functions/_tidemark/wire.ts'
import { checkResults } from './answer.ts'
import { Violation } from './violation.ts'

/** What names an edit of the app: a value that it alone writes; a removal has none, and is named by which device removes what. */
export function markOf(
  device: string,
  { table, id, op, data }: { table: string; id: string; op: string; data?: Row | undefined },
): string | undefined {
  if (op === 'delete') return `${device} removes ${keyOf(table, id)}`
  const { marked } = tables[table as TableName]
  const value = marked && data?.[marked]
  return isMark(value) ? value : undefined
}

/** What became of an edit of the app, by what the server answered. */
export type Outcome = 'accepted' | 'overruled' | 'rejected'

interface Account {
  /** What the marked column may show; undefined where it is not known. */
  marks?: Set<unknown> | undefined
  /** The exact value of the column that adds up; undefined where it is not known. */
  sum?: number | undefined
  /** Undefined where it is not known. */
  deleted?: boolean | undefined
}

interface Books {
  /** By `keyOf`. */
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
  /** Marks that may be sent twice under two device ids: their storage was copied, or the device took a new id. */
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

  /** Plain SQL has inserted a row. */
  inserted(table: string, row: Row): void {
    const { marked, summed } = tables[table as TableName]
    const account = this.#account(keyOf(table, row.id))
    if (marked) account.marks = new Set([row[marked]])
    if (summed) account.sum = row[summed] as number
    account.deleted = false
  }

  /** Plain SQL has done this to a row, which was live or a tombstone. */
  wrote(table: string, id: string, live: boolean, effect: Effect): void {
    const key = keyOf(table, id)
    const account = this.#account(key)
    switch (effect.do) {
      case 'set': {
        const { marked, summed, parent } = tables[table as TableName]
        if (marked && marked in effect.columns) account.marks = new Set([effect.columns[marked]])
        if (summed && summed in effect.columns) account.sum = effect.columns[summed] as number
        if (effect.add !== undefined && account.sum !== undefined) account.sum += effect.add
        if (live) account.deleted ??= false
        else if (parent && parent.column in effect.columns) forgetParent(account)
        return
      }
      case 'delete':
        account.deleted = true
        return
      case 'undelete':
        account.deleted = false
        return this.#parentIsBack(table)
      case 'move':
        if (!live) forgetParent(account)
        return
      case 'rekey':
        this.#books.rows.delete(key)
        this.#books.rows.set(keyOf(table, effect.id), account)
        if (!live) forgetParent(account)
    }
  }

  /** A conflict is decided: which side wins is not the ledger's business. */
  unsure(table: string, id: string): void {
    Object.assign(this.#account(keyOf(table, id)), {
      marks: undefined,
      sum: undefined,
      deleted: undefined,
    })
  }

  /** A push that was carried out, also where no device heard of it. */
  take(device: string, { device_id, mutations }: PushRequest, { results }: PushAnswer): void {
    checkResults(mutations, results)
    for (const [n, mutation] of mutations.entries()) {
      const { table, id, op, seq } = mutation
      const data = mutation.data as Row | undefined
      const old = mutation.old as Row | undefined
      const result = results[n]!
      const { status, copy_id, conflict_id } = result as typeof result & {
        copy_id?: string | null
        conflict_id?: string | null
      }
      if (status === 'duplicate') continue
      const lost = result.lost ?? []
      const mark = markOf(device, { table, id, op, data })
      const elsewhere = !!(copy_id ?? conflict_id)
      if (status === 'rejected') {
        if (mark !== undefined && !this.#books.outcomes.has(mark))
          this.#books.outcomes.set(mark, 'rejected')
        continue
      }
      const isNew = !this.#books.rows.has(keyOf(table, id))
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
      if (copy_id) this.#account(keyOf(table, copy_id)).marks = undefined
      const { marked, summed } = tables[table as TableName]
      if (marked && data && marked in data) {
        const overruled = elsewhere || lost.includes(marked)
        if (mark !== undefined) {
          this.#claim(mark, `${device_id} ${seq}`)
          this.#books.outcomes.set(mark, overruled ? 'overruled' : 'accepted')
        }
        // An edit that leaves the value as it was may go into a row that has another one by now, or not.
        const isSame = old && same(old[marked], data[marked])
        if (!overruled && !isSame) account.marks = new Set([data[marked]])
        else if (!overruled || elsewhere) account.marks?.add(data[marked])
      }
      if (summed && data && summed in data && !lost.includes(summed)) {
        const [after, before] = [data[summed], old?.[summed]]
        // What a whole row that was there before makes of its sum, the books cannot tell.
        if (op === 'put') account.sum = isNew ? (after as number) : undefined
        else if (typeof after !== 'number' || typeof before !== 'number') account.sum = undefined
        else if (account.sum !== undefined) account.sum += after - before
      }
    }
  }

  #claim(mark: string, by: string): void {
    const before = this.#books.applied.get(mark)
    if (before !== undefined && !this.doubled.has(mark))
      throw new Violation(`edit ${mark} was applied twice, as ${before} and as ${by}`)
    this.#books.applied.set(mark, by)
  }

  /** A row is live again: those that went with it may be or may not be. */
  #parentIsBack(table: string): void {
    for (const [key, account] of this.#books.rows)
      if (tables[key.split('/')[0] as TableName].parent?.table === table)
        account.deleted = account.deleted ? true : undefined
  }

  /** Holds the rows as they are, tombstones too, against the books. */
  check(stored: ReadonlyMap<string, Row>): void {
    for (const [key, { marks, sum, deleted }] of this.#books.rows) {
      const [table, id] = key.split('/') as [TableName, string]
      const { marked, summed, parent, scope } = tables[table]
      const row = stored.get(key)
      const live = row !== undefined && row.deleted_at === null
      if (deleted === true && live) throw new Violation(`the delete of ${key} is lost`)
      if (!live) {
        const above = parent && row && stored.get(keyOf(parent.table, row[parent.column]))
        const wentAlong = parent && (!row || !above || above.deleted_at !== null)
        if (deleted === false && !wentAlong)
          throw new Violation(`${key} (${scope(row ?? { id })}) was never deleted, and is gone`)
        continue
      }
      if (marked && marks && !marks.has(row[marked]))
        throw new Violation(
          `${key} shows edit ${String(row[marked])}, and the last one that the server took is ${[...marks].join(' or ')}`,
        )
      if (summed && sum !== undefined && row[summed] !== sum)
        throw new Violation(
          `${key} adds up to ${String(row[summed])}, and the edits taken to ${sum}`,
        )
    }
  }

  #account(key: string): Account {
    let account = this.#books.rows.get(key)
    if (!account) this.#books.rows.set(key, (account = {}))
    return account
  }
}

/** A tombstone is given another parent or key: that it went with its parent can no longer be seen. */
function forgetParent(account: Account): void {
  if (!account.deleted) account.deleted = undefined
}
