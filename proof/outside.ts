import postgres from 'postgres'
import type { Setting, TableName } from '../fuzz/app.ts'
import type { Journal } from '../fuzz/journal.ts'
import { isBlocked, literal } from '../fuzz/lane.ts'
import { membershipSql } from '../fuzz/sql.ts'
import type { ProofDatabase } from './database.ts'
import type { Op, OwnerEdit } from './history.ts'
import { type Ledger, marked } from './ledger.ts'
import { content, newId } from './rows.ts'

/** A new row by plain SQL, and what to do once it is committed. */
interface Insert {
  sql: string
  enter: () => void
}

/** What others do to the database beside the devices: plain SQL, and its owner's business. */
export class Outside {
  readonly #db: ProofDatabase
  readonly #setting: Setting
  readonly #ledger: Ledger
  readonly #journal: Journal
  #marks = 0
  #hasBackup = false
  #isOpen = false
  #onCommit: (() => void)[] = []

  constructor(db: ProofDatabase, setting: Setting, ledger: Ledger, journal: Journal) {
    this.#db = db
    this.#setting = setting
    this.#ledger = ledger
    this.#journal = journal
  }

  /** Whether a transaction is open that may be in the way of others. */
  get isOpen(): boolean {
    return this.#isOpen
  }

  /** The rows and memberships that a history begins with; a digit for each user in each scope. */
  async begin(members: number[]): Promise<void> {
    const { users, trips, clubs } = this.#setting
    const statements = [
      'update public.notices set deleted_at = now() where deleted_at is null',
      `insert into public.clubs values (${literal(clubs[0])})`,
    ]
    const insert = (table: TableName, id: string, n: number): void => {
      const { sql, enter } = this.#insert(table, id, n)
      statements.push(sql)
      enter()
    }
    for (const id of trips) {
      this.#setting.ids.trips.push(id)
      insert('trips', id, 0)
    }
    for (const [n, role] of members.entries()) {
      if (role === 0) continue
      const scope = Math.floor(n / users.length)
      const membership = { change: 'join', scope, user: n % users.length, value: role } as const
      statements.push(membershipSql(membership, this.#setting)!)
    }
    for (const [table, count] of [
      ['items', 3],
      ['docs', 2],
      ['cards', 2],
      ['notes', 4],
      ['notices', 1],
    ] as const)
      for (let n = 0; n < count; n++) insert(table, newId(table, this.#setting), n)
    await this.#db.owner.run(statements.join('; '))
    this.#journal.note(`start: members ${members.join('')}`)
  }

  /** With `open` an insert in a transaction that stays open. */
  async sql(open: boolean, { kind, table, row, value }: OwnerEdit): Promise<void> {
    if (open && table !== 'trips') return this.#insertLeftOpen(table, value)
    if (kind === 'insert') {
      const { sql, enter } = this.#insert(table, newId(table, this.#setting), value)
      if (!(await this.#run(sql))) return
      enter()
      return this.#journal.note(`SQL: ${sql}`, 'SQL')
    }
    const known = this.#setting.ids[table]
    const id = known[row % (known.length || 1)]
    if (id === undefined) return
    const one = `where id = ${literal(id)} and deleted_at is null`
    const { trips, users } = this.#setting
    const mark = `s${++this.#marks}`
    const set = {
      delete: '',
      update: `${marked[table]!} = '${mark}'${table === 'items' ? `, quantity = quantity + ${value}` : ''}`,
      move:
        table === 'items'
          ? `trip_id = ${literal(trips[value % trips.length])}`
          : `user_id = ${literal(users[value % users.length])}`,
      visibility:
        table === 'items' ? `secret = ${value % 2 === 0}` : `published = ${value % 2 === 0}`,
    }[kind]
    // A delete reports no rows: the trigger has made it an update.
    const sql =
      kind === 'delete'
        ? `select id from public.${table} ${one}; delete from public.${table} ${one}`
        : `update public.${table} set ${set} ${one} returning id`
    const found = await this.#run(sql)
    if (!found || found.length === 0) return
    if (kind === 'delete') this.#ledger.deleted(table, id)
    if (kind === 'update')
      this.#ledger.wrote(table, id, { mark, ...(table === 'items' && { add: value }) })
    this.#journal.note(`SQL: ${sql}`, 'SQL')
  }

  async changeMembers({ membership }: Extract<Op, { do: 'members' }>): Promise<void> {
    const sql = membershipSql(membership, this.#setting)
    if (sql && (await this.#run(sql))) this.#journal.note(sql, 'membership changed')
  }

  async purge(): Promise<void> {
    if (await this.#run(`select tidemark.purge('0 s')`)) this.#journal.note('purge', 'purge')
  }

  async changeSchema(): Promise<void> {
    await this.end(true)
    const [has] = await this.#db.owner.run(
      `select count(*)::int from information_schema.columns where table_name = 'items' and column_name = 'extra'`,
    )
    const sql = has
      ? 'alter table public.items drop column extra'
      : `alter table public.items add column extra text default 'more'`
    await this.#db.owner.run(sql)
    this.#journal.note(sql, 'schema changed')
  }

  /** A copy takes as long as many syncs: one that nothing would put back is not made. */
  async backUp(willRestore: boolean): Promise<void> {
    if (!willRestore) return
    await this.end(true)
    await this.#db.backUp()
    this.#ledger.backUp()
    this.#hasBackup = true
    this.#journal.note('the database is backed up', 'database backed up')
  }

  /** Backs up instead where there is nothing yet to put back. */
  async restore(willRestore: boolean): Promise<void> {
    if (!this.#hasBackup) return this.backUp(willRestore)
    await this.end(false)
    await this.#db.restore()
    this.#ledger.restore()
    this.#journal.note('the database is put back', 'database restored')
  }

  /** Ends the transaction that is open. */
  async end(commit: boolean): Promise<void> {
    if (!this.#isOpen) return
    this.#isOpen = false
    await this.#db.slot.run(commit ? 'commit' : 'rollback')
    if (commit) for (const done of this.#onCommit) done()
    this.#onCommit = []
    this.#journal.note(`the open transaction ends: ${commit ? 'commit' : 'rollback'}`, 'SQL ended')
  }

  /** Leaves a database that another history can be played on. */
  async cleanUp(): Promise<void> {
    if (this.#isOpen) await this.#db.slot.run('rollback')
    await this.#db.owner.run('alter table public.items drop column if exists extra')
  }

  #insert(table: TableName, id: string, value: number): Insert {
    const { users } = this.#setting
    const mark = `s${++this.#marks}`
    const row = {
      ...content(table, id, value, users[value % users.length]!, this.#setting),
      [marked[table]!]: mark,
    }
    return {
      sql: `insert into public.${table} (${Object.keys(row).join(', ')}) values (${Object.values(row).map(literal).join(', ')})`,
      enter: () =>
        this.#ledger.wrote(table, id, { mark, ...(table === 'items' && { sum: value }) }),
    }
  }

  async #insertLeftOpen(table: TableName, value: number): Promise<void> {
    if (!this.#isOpen) await this.#db.slot.run('begin')
    this.#isOpen = true
    const { sql, enter } = this.#insert(table, newId(table, this.#setting), value)
    try {
      await this.#db.slot.run(sql)
      this.#onCommit.push(enter)
      this.#journal.note(`SQL, not committed: ${sql}`, 'SQL left open')
    } catch (error) {
      if (!isInTheWay(error)) throw error
      await this.end(false)
    }
  }

  /** Undefined where an open transaction is in the way, or the app's own rules. */
  async #run(sql: string): Promise<unknown[] | undefined> {
    try {
      return await this.#db.owner.run(sql)
    } catch (error) {
      if (isInTheWay(error)) return undefined
      throw error
    }
  }
}

/** Whether an open transaction or the app's own constraints do not let a statement through. */
const isInTheWay = (error: unknown): boolean =>
  isBlocked(error) || (error instanceof postgres.PostgresError && error.code.startsWith('23'))
