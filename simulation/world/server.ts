import { insertStatement, ownRow } from '../app/changes.ts'
import type { Statement } from '../app/effect.ts'
import { membershipStatement } from '../app/memberships.ts'
import { know, type Setting } from '../app/setting.ts'
import type { TableName } from '../app/tables.ts'
import type { Database } from '../database/database.ts'
import { isBlocked, isRefused, literal } from '../database/sql.ts'
import type { Ledger } from '../oracle/ledger.ts'
import type { Journal } from './journal.ts'

/** What a history begins with beside trips and memberships: so many rows. */
const firstRows = { items: 3, docs: 2, cards: 2, notes: 4, notices: 1 } as const

/** The place of a statement that is a transaction of its own. */
export const NO_SLOT = 2

interface Slot {
  open: boolean
  /** What the books take down when it is committed. */
  onCommit: (() => void)[]
}

/** What happens to the database beside the devices: plain SQL, and its owner's business. */
export class Server {
  readonly #db: Database
  readonly #setting: Setting
  readonly #ledger: Ledger
  readonly #journal: Journal
  readonly #slots: [Slot, Slot] = [
    { open: false, onCommit: [] },
    { open: false, onCommit: [] },
  ]
  #hasBackup = false

  constructor(db: Database, setting: Setting, ledger: Ledger, journal: Journal) {
    this.#db = db
    this.#setting = setting
    this.#ledger = ledger
    this.#journal = journal
  }

  /** Whether a transaction is open that may be in the way of others. */
  get isOpen(): boolean {
    return this.#slots.some(({ open }) => open)
  }

  slot(place: number): Slot {
    return this.#slots[place]!
  }

  /** The rows and memberships that a history begins with; a digit for each user in each scope. */
  async begin(members: readonly number[]): Promise<void> {
    const { users, trips, clubs } = this.#setting
    const statements: Statement[] = [
      { sql: 'update public.notices set deleted_at = now() where deleted_at is null' },
      {
        sql: `insert into public.clubs values ${clubs.map((id) => `(${literal(id)})`).join(', ')}`,
      },
    ]
    for (const id of trips) {
      know(this.#setting, 'trips', id)
      statements.push(insertStatement('trips', [{ id, title: 'trip' }]))
    }
    for (const [n, role] of members.entries()) {
      if (role === 0) continue
      const scope = Math.floor(n / users.length)
      const membership = { change: 'join', scope, user: n % users.length, value: role } as const
      statements.push(membershipStatement(membership, this.#setting))
    }
    for (const [table, count] of Object.entries(firstRows) as [TableName, number][])
      for (let n = 0; n < count; n++)
        statements.push(insertStatement(table, [ownRow(table, n, n + 1, this.#setting)]))
    await this.#db.main.run(statements.map(({ sql }) => sql).join('; '))
    for (const { inserted = [] } of statements)
      for (const { table, row } of inserted) this.#ledger.inserted(table, row)
    this.#journal.note(`start: members ${members.join('')}`)
  }

  /** Runs a statement in a transaction that stays open, or in one of its own. */
  async run(place: number, statement: Statement | undefined, happening: string): Promise<void> {
    if (!statement) return
    const { sql, concerned, inserted = [] } = statement
    const slot = place === NO_SLOT ? undefined : this.slot(place)
    const said = `${slot ? `tx${place}` : 'SQL'}: ${sql.replaceAll(/\s+/g, ' ')}`
    const before = concerned
      ? `select coalesce(json_agg(json_build_object('id', id::text, 'live', deleted_at is null)), '[]')
         from public.${concerned.table} where ${concerned.where};`
      : ''
    let known: { id: string; live: boolean }[] = []
    try {
      const connection = slot ? this.#db.slots[place]! : this.#db.main
      const begin = slot && !slot.open ? 'begin;' : ''
      const [first] = await connection.run(`${begin} ${before} ${sql}`)
      if (concerned) known = first as typeof known
    } catch (error) {
      if (slot) {
        await this.#db.slots[place]!.run('rollback')
        Object.assign(slot, { open: false, onCommit: [] })
      }
      if (!isRefused(error) && !isBlocked(error)) throw error
      const why = isRefused(error) ? 'refused' : 'blocked'
      return this.#journal.note(`${said}: ${why}`, `SQL ${why}`)
    }
    const enter = () => {
      if (concerned)
        for (const { id, live } of known)
          this.#ledger.wrote(concerned.table, id, live, concerned.effect)
      for (const { table, row } of inserted) this.#ledger.inserted(table, row)
    }
    if (slot) {
      slot.open = true
      slot.onCommit.push(enter)
    } else enter()
    this.#journal.note(said, happening, ...(slot ? ['SQL left open'] : []))
  }

  /** Ends a transaction that is open. */
  async end(place: number, commit: boolean): Promise<void> {
    const slot = this.slot(place)
    if (!slot.open) return
    const { onCommit } = slot
    Object.assign(slot, { open: false, onCommit: [] })
    await this.#db.slots[place]!.run(commit ? 'commit' : 'rollback')
    if (commit) for (const done of onCommit) done()
    const how = commit ? 'committed' : 'rolled back'
    this.#journal.note(`tx${place}: ${how}`, `SQL ${how}`)
  }

  async endAll(commit: boolean): Promise<void> {
    for (const place of this.#slots.keys()) await this.end(place, commit)
  }

  /** A column comes, or goes again. */
  async changeSchema(): Promise<void> {
    await this.endAll(true)
    const [has] = await this.#db.main.run(
      `select count(*)::int from information_schema.columns where table_name = 'items' and column_name = 'extra'`,
    )
    const sql = has
      ? 'alter table public.items drop column extra'
      : `alter table public.items add column extra text default 'more'`
    await this.#db.main.run(sql)
    this.#journal.note(sql, 'schema changed')
  }

  /** A copy takes as long as many syncs: one that nothing would put back is not made. */
  async backUp(willRestore: boolean): Promise<void> {
    if (!willRestore) return
    await this.endAll(true)
    await this.#db.backUp()
    this.#ledger.backUp()
    this.#hasBackup = true
    this.#journal.note('the database is backed up', 'database backed up')
  }

  /** Backs up instead where there is nothing yet to put back. */
  async restore(willRestore: boolean): Promise<void> {
    if (!this.#hasBackup) return this.backUp(willRestore)
    await this.endAll(false)
    await this.#db.restore()
    this.#ledger.restore()
    this.#journal.note('the database is put back', 'database restored')
  }

  /** Leaves a database that another history can be played on. */
  async cleanUp(): Promise<void> {
    for (const [place, { open }] of this.#slots.entries())
      if (open) await this.#db.slots[place]!.run('rollback')
    await this.#db.main.run('alter table public.items drop column if exists extra')
  }
}
