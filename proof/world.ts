import { randomUUID } from 'node:crypto'
import { setImmediate } from 'node:timers/promises'
import { sign } from 'hono/jwt'
import postgres from 'postgres'
import type { Sync, SyncStorage } from '../client/src/index.ts'
import type { Keys } from '../dev/keys.ts'
import { keyOf, type Row, same, type Setting, type TableName, tableNames } from '../fuzz/app.ts'
import { Violation } from '../fuzz/check.ts'
import { as, isBlocked, literal, words } from '../fuzz/lane.ts'
import { membershipSql } from '../fuzz/sql.ts'
import { readable } from '../fuzz/names.ts'
import type { ProofDatabase } from './database.ts'
import type { AppEdit, History, Op, OwnerEdit } from './history.ts'
import { Ledger, marked } from './ledger.ts'
import { type Fault, network } from './network.ts'
import { Phone } from './phone.ts'

const YEAR = 365.25 * 86_400_000

/** An edit that the app made and that its device stored. */
interface Made {
  phone: Phone
  table: TableName
  id: string
  /** Undefined for a removal, and for one that the server must refuse. */
  mark: string | undefined
}

/** Four users with two devices each, and their database; goes through one history. */
export class World {
  /** What happened, a line an operation. */
  readonly trace: string[] = []
  /** How often what happened. */
  readonly counts = new Map<string, number>()
  readonly #db: ProofDatabase
  readonly #setting: Setting
  readonly #phones: Phone[]
  readonly #ledger = new Ledger()
  readonly #made: Made[] = []
  /** Edits that somebody threw away together with their storage. */
  readonly #thrownAway = new Set<Made>()
  readonly #backups = new Map<Phone, { disk: SyncStorage; made: Set<Made> }>()
  /** The edit that the app has asked for last. */
  #asked: Made | undefined
  #violation: Violation | undefined
  readonly #underWay = new Set<Promise<unknown>>()
  #hasBackup = false
  /** The next thing that happens to the whole database is that it is put back. */
  #willRestore = false
  #slotOpen = false
  #onCommit: (() => void)[] = []
  #marks = 0

  private constructor(db: ProofDatabase, keys: Keys, users: string[], tokens: string[]) {
    this.#db = db
    const ids = Object.fromEntries(
      tableNames.map((name) => [name, []]),
    ) as unknown as Setting['ids']
    this.#setting = { users, trips: [randomUUID(), randomUUID()], clubs: [randomUUID()], ids }
    const fetchOf = (phone: Phone) =>
      network(
        { rpc: () => db.rpc, keys, underWay: this.#underWay },
        (request, answer) => {
          try {
            this.#ledger.take(request, answer)
          } catch (error) {
            this.#violation ??= error as Violation
          }
        },
        () => this.#fault(phone),
      )
    this.#phones = Array.from(
      { length: 8 },
      (_, n) =>
        new Phone({
          name: `${'ABCD'[n >> 1]!}${(n & 1) + 1}`,
          user: users[n >> 1]!,
          token: tokens[n >> 1]!,
          key: keys.publishable,
          sqlite: n % 4 === 3,
          pageSize: n % 3 === 1 ? 7 : 100,
          fetch: fetchOf,
        }),
    )
  }

  static async create(db: ProofDatabase, keys: Keys): Promise<World> {
    const users = Array.from({ length: 4 }, () => randomUUID())
    const exp = Math.floor(Date.now() / 1000) + 86_400
    const tokens = await Promise.all(
      users.map((sub) => sign({ sub, role: 'authenticated', exp }, keys.jwtSecret, 'HS256')),
    )
    return new World(db, keys, users, tokens)
  }

  async run({ members, ready, clocks, ops }: History): Promise<void> {
    try {
      await this.#begin(members)
      for (const [n, years] of clocks.entries()) this.#phones[n]!.skew = years * YEAR
      for (const phone of this.#phones.slice(0, ready)) await this.#sync(phone, 'sync', [])
      const ofDatabase = ({ do: what }: Op) =>
        what === 'back up database' || what === 'restore database'
      for (const [n, op] of ops.entries()) {
        this.#willRestore = ops.slice(n + 1).find(ofDatabase)?.do === 'restore database'
        await this.#take(op)
        if (this.#violation) throw this.#violation
      }
      await this.#settle()
      if (this.#violation) throw this.#violation
    } catch (error) {
      const said = error instanceof Error ? error : new Error(String(error))
      const where = said instanceof Violation ? '' : `\n${said.stack}`
      throw new Error(
        readable([...this.trace, `✗ ${said.message}${where}`].join('\n'), this.#setting),
        {
          cause: error,
        },
      )
    } finally {
      if (this.#slotOpen) await this.#db.slot.run('rollback')
      await this.#db.owner.run('alter table public.items drop column if exists extra')
    }
  }

  async #begin(members: number[]): Promise<void> {
    const { users, trips, clubs } = this.#setting
    const statements = [
      'update public.notices set deleted_at = now() where deleted_at is null',
      `insert into public.clubs values (${literal(clubs[0])})`,
    ]
    const insert = (table: TableName, id: string, n: number): void => {
      const { sql, enter } = this.#insertSql(table, id, n)
      statements.push(sql)
      enter()
    }
    for (const id of trips) insert('trips', id, 0)
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
      for (let n = 0; n < count; n++) insert(table, newId(table), n)
    await this.#db.owner.run(statements.join('; '))
    this.trace.push(`start: members ${members.join('')}`)
  }

  async #take(op: Op): Promise<void> {
    switch (op.do) {
      case 'edit':
        for (const edit of op.edits) {
          const phone = this.#phone(op.device)
          await this.#edit(phone, phone.sync, edit)
        }
        return
      case 'sync':
        return this.#sync(this.#phone(op.device), op.way, op.faults)
      case 'together':
        return this.#together(this.#phone(op.device), op.faults)
      case 'kill':
        return this.#kill(this.#phone(op.device), op)
      case 'clone':
        return this.#clone(this.#phone(op.device), this.#phone(op.device ^ 1))
      case 'back up device':
        return this.#backUp(this.#phone(op.device))
      case 'put device back':
        return this.#putBack([...this.#backups.keys()][op.device % (this.#backups.size || 1)])
      case 'clock': {
        const phone = this.#phone(op.device)
        phone.skew = op.years * YEAR
        return this.#note(`${phone.name}'s clock is ${op.years} years ahead`, 'clock changed')
      }
      case 'resolve':
        return this.#resolve(this.#phone(op.device), op.take)
      case 'sql':
        return this.#sql(op.open, op.edit)
      case 'end':
        return this.#end(op.commit)
      case 'members': {
        const sql = membershipSql(op.membership, this.#setting)
        if (sql && (await this.#own(sql))) this.#note(sql, 'membership changed')
        return
      }
      case 'purge':
        if (await this.#own(`select tidemark.purge('0 s')`)) this.#note('purge', 'purge')
        return
      case 'schema':
        return this.#changeSchema()
      case 'back up database':
        return this.#backUpDatabase()
      case 'restore database':
        if (!this.#hasBackup) return this.#backUpDatabase()
        await this.#end(false)
        await this.#db.restore()
        this.#ledger.restore()
        return this.#note('the database is put back', 'database restored')
    }
  }

  /** The rows that a device shows of a table, oldest first. */
  async #shown(sync: Sync, table: TableName): Promise<Row[]> {
    const rows = await sync.table(table).list()
    const order = new Map(this.#setting.ids[table].map((id, n) => [id, n]))
    return rows.toSorted(
      (a, b) => (order.get(String(a.id)) ?? 1e9) - (order.get(String(b.id)) ?? 1e9),
    )
  }

  async #edit(phone: Phone, sync: Sync, { kind, table, row, value }: AppEdit): Promise<void> {
    const rows = sync.table(table)
    const column = marked[table]!
    const mark = `t${++this.#marks}`
    if (kind === 'insert') {
      const id = newId(table)
      this.#setting.ids[table].push(id)
      if (table === 'trips') this.#setting.trips.push(id)
      this.#asked = { phone, table, id, mark }
      await rows.insert({ ...this.#content(table, id, value, phone.user), [column]: mark })
      return this.#did(phone, 'insert', { phone, table, id, mark })
    }
    const shown = await this.#shown(sync, table)
    const target = shown[row % (shown.length || 1)]
    if (!target) return
    const id = String(target.id)
    const key = target.id as string
    this.#asked = { phone, table, id, mark }
    if (kind === 'remove') {
      await rows.remove(key)
      return this.#did(phone, 'remove', { phone, table, id, mark: undefined })
    }
    if (kind === 'bad' && table === 'items') {
      await rows.update(key, { name: `bad ${mark}` })
      return this.#did(phone, 'edit that is refused', { phone, table, id, mark: undefined })
    }
    const more: Row =
      table === 'items' && typeof target.quantity === 'number'
        ? { quantity: target.quantity + value + 1 }
        : table === 'docs'
          ? { title: `w${value}` }
          : {}
    await rows.update(key, { [column]: mark, ...more })
    this.#did(phone, 'update', { phone, table, id, mark })
  }

  #did(phone: Phone, kind: string, made: Made): void {
    this.#made.push(made)
    this.#note(
      `${phone.name}: ${kind} ${keyOf(made.table, made.id)} ${made.mark ?? ''}`,
      `app ${kind}`,
    )
  }

  #content(table: TableName, id: string, value: number, user: string): Row {
    const { trips, clubs } = this.#setting
    switch (table) {
      case 'items':
        return { id, trip_id: trips[value % trips.length], quantity: value }
      case 'docs':
        return { id, club_id: clubs[0], title: `w${value}` }
      case 'cards':
        return { id, club_id: clubs[0], place: value }
      case 'notes':
        return { id, user_id: user, stars: value }
      case 'notices':
        return { id: Number(id), published: true }
      default:
        return { id }
    }
  }

  async #sync(phone: Phone, way: 'sync' | 'push' | 'pull', planned: (Fault | 'none')[]) {
    phone.faults.splice(0, Infinity, ...(planned as Fault[]))
    let said = 'done'
    try {
      await phone.sync[way]()
    } catch (error) {
      said = String((error as { code?: string }).code ?? error)
      if (planned.every((fault) => fault === 'none') && !this.#slotOpen)
        throw new Violation(
          `${phone.name} cannot ${way}, though nothing went wrong: ${String(error)}`,
        )
    } finally {
      phone.faults.length = 0
    }
    this.#note(`${phone.name}: ${way} [${planned.join(', ')}]: ${said}`, way)
    if (said === 'done' && way === 'sync' && !this.#violation) await this.#checkPhone(phone)
  }

  /** Two tabs on one storage sync at the same time. */
  async #together(phone: Phone, planned: (Fault | 'none')[]): Promise<void> {
    phone.faults.splice(0, Infinity, ...(planned as Fault[]))
    const other = phone.open()
    await Promise.allSettled([phone.sync.sync(), other.sync()])
    await this.#quiet()
    phone.faults.length = 0
    phone.restart()
    this.#note(`${phone.name}: two tabs sync [${planned.join(', ')}]`, 'two tabs')
  }

  async #kill(phone: Phone, { at, moment, during, edit }: Extract<Op, { do: 'kill' }>) {
    let made: Made | undefined
    const died = await phone.die(at, moment, async (sync) => {
      if (during === 'sync') return sync.sync()
      const known = this.#made.length
      this.#asked = undefined
      await this.#edit(phone, sync, edit)
      made = this.#made[known]
    })
    await this.#quiet()
    this.#note(
      `${phone.name}: killed ${moment} write ${at} of ${during}: ${died ? 'died' : 'lived'}`,
      died ? `killed during ${during}` : 'survived',
    )
    // An edit that had not returned may or may not be stored, in the place of the one before.
    if (during === 'edit' && !made && this.#asked)
      this.#made.push({ ...this.#asked, mark: undefined })
  }

  /** What a dead process has asked for is carried out all the same: now, and not in the middle of what comes next. */
  async #quiet(): Promise<void> {
    do {
      await Promise.allSettled(this.#underWay)
      await setImmediate()
    } while (this.#underWay.size > 0)
  }

  async #clone(from: Phone, to: Phone): Promise<void> {
    for (const made of this.#made) {
      if (made.phone === to) this.#thrownAway.add(made)
    }
    for (const { data, table } of await from.waiting()) {
      const mark = data[marked[table as TableName]!]
      if (typeof mark === 'string') this.#ledger.doubled.add(mark)
    }
    to.replace(await from.copy())
    to.mayHaveMissedNews = true
    this.#note(`${to.name} is a clone of ${from.name}`, 'device cloned')
  }

  async #backUp(phone: Phone): Promise<void> {
    this.#backups.set(phone, { disk: await phone.copy(), made: new Set(this.#made) })
    this.#note(`${phone.name} is backed up`, 'device backed up')
  }

  async #putBack(phone: Phone | undefined): Promise<void> {
    const backup = phone && this.#backups.get(phone)
    if (!backup) return
    this.#backups.delete(phone)
    for (const made of this.#made)
      if (made.phone === phone && !backup.made.has(made)) this.#thrownAway.add(made)
    phone.replace(backup.disk)
    phone.mayHaveMissedNews = true
    for (const { data, table } of await phone.waiting()) {
      const mark = data[marked[table as TableName]!]
      if (typeof mark === 'string') this.#ledger.doubled.add(mark)
    }
    this.#note(`${phone.name} goes back to its backup`, 'device put back')
  }

  async #resolve(phone: Phone, take: 'client' | 'server'): Promise<void> {
    try {
      const [open] = await phone.sync.conflicts.list()
      if (!open) return
      this.#ledger.unsure(open.table, open.id)
      await phone.sync.conflicts.resolve(open.conflict_id, take)
      this.#note(`${phone.name} decides a conflict: ${take}`, 'conflict decided')
    } catch (error) {
      this.#note(`${phone.name} cannot decide a conflict: ${String(error)}`)
    }
  }

  /** A new row by plain SQL, and what to do once it is committed. */
  #insertSql(table: TableName, id: string, value: number): { sql: string; enter: () => void } {
    const { ids, users } = this.#setting
    const mark = `s${++this.#marks}`
    ids[table].push(id)
    const row = {
      ...this.#content(table, id, value, users[value % users.length]!),
      [marked[table]!]: mark,
    }
    return {
      sql: `insert into public.${table} (${Object.keys(row).join(', ')}) values (${Object.values(row).map(literal).join(', ')})`,
      enter: () =>
        this.#ledger.wrote(table, id, { mark, ...(table === 'items' && { sum: value }) }),
    }
  }

  async #insertLeftOpen(table: TableName, value: number): Promise<void> {
    if (!this.#slotOpen) await this.#db.slot.run('begin')
    this.#slotOpen = true
    const { sql, enter } = this.#insertSql(table, newId(table), value)
    try {
      await this.#db.slot.run(sql)
      this.#onCommit.push(enter)
      this.#note(`SQL, not committed: ${sql}`, 'SQL left open')
    } catch (error) {
      if (!isInTheWay(error)) throw error
      await this.#end(false)
    }
  }

  /** Plain SQL of somebody else. With `open` an insert in a transaction that stays open. */
  async #sql(open: boolean, { kind, table, row, value }: OwnerEdit): Promise<void> {
    if (open && table !== 'trips') return this.#insertLeftOpen(table, value)
    if (kind === 'insert') {
      const { sql, enter } = this.#insertSql(table, newId(table), value)
      if (!(await this.#own(sql))) return
      enter()
      return this.#note(`SQL: ${sql}`, 'SQL')
    }
    const known = this.#setting.ids[table]
    const id = known[row % (known.length || 1)]
    if (id === undefined) return
    const one = `where id = ${literal(id)} and deleted_at is null`
    const { trips, users } = this.#setting
    const mark = `s${++this.#marks}`
    const set = {
      insert: '',
      delete: '',
      update: `${marked[table]!} = '${mark}'${table === 'items' ? `, quantity = quantity + ${value}` : ''}`,
      move:
        table === 'items'
          ? `trip_id = ${literal(trips[value % trips.length])}`
          : table === 'notes'
            ? `user_id = ${literal(users[value % users.length])}`
            : '',
      visibility:
        table === 'items'
          ? `secret = ${value % 2 === 0}`
          : table === 'notices'
            ? `published = ${value % 2 === 0}`
            : '',
    }[kind]
    if (kind !== 'delete' && set === '') return
    // A delete reports no rows: the trigger has made it an update.
    const sql =
      kind === 'delete'
        ? `select id from public.${table} ${one}; delete from public.${table} ${one}`
        : `update public.${table} set ${set} ${one} returning id`
    const found = await this.#own(sql)
    if (!found || found.length === 0) return
    if (kind === 'delete') this.#ledger.deleted(table, id)
    if (kind === 'update')
      this.#ledger.wrote(table, id, { mark, ...(table === 'items' && { add: value }) })
    this.#note(`SQL: ${sql}`, 'SQL')
  }

  /** Undefined where an open transaction is in the way, or the app's own rules. */
  async #own(sql: string): Promise<unknown[] | undefined> {
    try {
      return await this.#db.owner.run(sql)
    } catch (error) {
      if (isInTheWay(error)) return undefined
      throw error
    }
  }

  async #end(commit: boolean): Promise<void> {
    if (!this.#slotOpen) return
    this.#slotOpen = false
    await this.#db.slot.run(commit ? 'commit' : 'rollback')
    if (commit) for (const done of this.#onCommit) done()
    this.#onCommit = []
    this.#note(`the open transaction ends: ${commit ? 'commit' : 'rollback'}`, 'SQL ended')
  }

  /** A copy takes as long as many syncs: one that nothing would put back is not made. */
  async #backUpDatabase(): Promise<void> {
    if (!this.#willRestore) return
    await this.#end(true)
    await this.#db.backUp()
    this.#ledger.backUp()
    this.#hasBackup = true
    this.#note('the database is backed up', 'database backed up')
  }

  async #changeSchema(): Promise<void> {
    await this.#end(true)
    const [has] = await this.#db.owner.run(
      `select count(*)::int from information_schema.columns where table_name = 'items' and column_name = 'extra'`,
    )
    const sql = has
      ? 'alter table public.items drop column extra'
      : `alter table public.items add column extra text default 'more'`
    await this.#db.owner.run(sql)
    this.#note(sql, 'schema changed')
  }

  /** All devices sync until nothing is left to say; then everything is held against plain SQL and the books. */
  async #settle(): Promise<void> {
    await this.#end(true)
    for (const phone of this.#phones) await this.#sync(phone, 'push', [])
    for (const phone of this.#phones) await this.#sync(phone, 'sync', [])
    const ids = Object.values(this.#setting.ids).flat()
    const [stored] = (await this.#db.owner.run(`select fuzz.look(${words(ids)})`)) as [Looked]
    this.#ledger.check(byKey(stored))
    for (const phone of this.#phones) await this.#checkEdits(phone)
  }

  /** A device that has synced holds exactly what plain SQL shows its user. */
  async #checkPhone(phone: Phone): Promise<void> {
    const [looked] = (await this.#db.owner.run(`${as(phone.user)} select fuzz.truth()`)) as [Looked]
    const truth = byKey(looked)
    const problems: string[] = []
    const held = new Set<string>()
    for (const { table, id, row, edits } of await phone.held()) {
      const key = keyOf(table, id)
      held.add(key)
      const real = truth.get(key)
      if (edits > 0) problems.push(`has not sent its edits of ${key}`)
      else if (!real)
        problems.push(`holds ${key}, which its user may not see: ${JSON.stringify(row)}`)
      else if (!same(row, real))
        problems.push(`holds ${key} as ${JSON.stringify(row)}, and it is ${JSON.stringify(real)}`)
    }
    for (const [key, row] of truth)
      if (!held.has(key)) problems.push(`lacks ${key} ${JSON.stringify(row)}`)
    if (problems.length > 0)
      throw new Violation(`after a sync ${phone.name} ${problems.join('\n  and ')}`)
  }

  /** Of every edit that the app made it is known what became of it, and the app has been told. */
  async #checkEdits(phone: Phone): Promise<void> {
    const refused = new Set<unknown>()
    for (const { table, data } of await phone.waiting())
      refused.add(data[marked[table as TableName]!])
    const mine = this.#made.filter((made) => made.phone === phone)
    for (const [n, made] of mine.entries()) {
      const { table, id, mark } = made
      const key = keyOf(table, id)
      if (mark === undefined || this.#thrownAway.has(made)) continue
      const later = mine.slice(n + 1).some((other) => other.table === table && other.id === id)
      const outcome = this.#ledger.outcome(mark)
      if (outcome === undefined && !later && !this.#ledger.rolledBack.has(mark))
        throw new Violation(`edit ${mark} of ${key} on ${phone.name} never reached the server`)
      if (outcome === 'rejected' && !refused.has(mark) && !this.#ledger.doubled.has(mark))
        throw new Violation(`edit ${mark} of ${key} was refused, and ${phone.name} has not kept it`)
      // What a copy of the storage was answered is the copy's to tell.
      const known = phone.told.has(key) || this.#ledger.doubled.has(mark)
      if (outcome === 'overruled' && !known && !phone.mayHaveMissedNews)
        throw new Violation(`edit ${mark} of ${key} was overruled, and ${phone.name} was not told`)
    }
  }

  #fault(phone: Phone): Fault | undefined {
    const fault = phone.faults.shift() as Fault | 'none' | undefined
    if (fault === undefined || fault === 'none') return undefined
    this.#count(`request ${fault}`)
    return fault
  }

  #phone(n: number): Phone {
    return this.#phones[n]!
  }

  #note(text: string, ...counted: string[]): void {
    this.trace.push(text)
    for (const name of counted) this.#count(name)
  }

  #count(name: string): void {
    this.counts.set(name, (this.counts.get(name) ?? 0) + 1)
  }
}

/** Whether an open transaction or the app's own constraints do not let a statement through. */
const isInTheWay = (error: unknown): boolean =>
  isBlocked(error) || (error instanceof postgres.PostgresError && error.code.startsWith('23'))

type Looked = { table: string; row: Row }[]

const byKey = (looked: Looked): Map<string, Row> =>
  new Map(looked.map(({ table, row }) => [keyOf(table, row.id), row]))

const newId = (table: TableName): string =>
  table === 'notices' ? String(Math.floor(Math.random() * 2 ** 40) + 1e7) : randomUUID()
