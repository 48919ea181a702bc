import { setImmediate } from 'node:timers/promises'
import { sign } from 'hono/jwt'
import type { Sync, SyncStorage } from '../client/src/index.ts'
import type { Keys } from '../dev/keys.ts'
import {
  byKey,
  keyOf,
  type Looked,
  newSetting,
  type Row,
  type Setting,
  type TableName,
} from '../fuzz/app.ts'
import { Violation } from '../fuzz/check.ts'
import { Journal } from '../fuzz/journal.ts'
import { words } from '../fuzz/lane.ts'
import { readable } from '../fuzz/names.ts'
import type { Break } from './breaks.ts'
import { checkEdits, checkPhone, type Made } from './check.ts'
import type { ProofDatabase } from './database.ts'
import type { AppEdit, History, Op } from './history.ts'
import { Ledger, marked, markOf } from './ledger.ts'
import { type Fault, network } from './network.ts'
import { Outside } from './outside.ts'
import { Phone } from './phone.ts'
import { content, newId } from './rows.ts'

const YEAR = 365.25 * 86_400_000

/** Four users with two devices each, and their database; goes through one history. */
export class World {
  readonly journal = new Journal()
  readonly #db: ProofDatabase
  readonly #setting: Setting
  readonly #phones: Phone[]
  readonly #ledger = new Ledger()
  readonly #made: Made[] = []
  /** A copy of a device's storage, and how many edits there were when it was made. */
  readonly #backups = new Map<Phone, { disk: SyncStorage; made: number }>()
  /** The edit that the app has asked for last. */
  #asked: Made | undefined
  #violation: Violation | undefined
  readonly #underWay = new Set<Promise<unknown>>()
  readonly #outside: Outside
  #marks = 0

  private constructor(
    db: ProofDatabase,
    keys: Keys,
    setting: Setting,
    tokens: string[],
    broken: Break['client'],
  ) {
    this.#db = db
    this.#setting = setting
    this.#outside = new Outside(db, this.#setting, this.#ledger, this.journal)
    const fetchOf = (phone: Phone) =>
      network(
        { rpc: () => db.rpc, keys, underWay: this.#underWay, ...(broken && { broken }) },
        (request, answer) => {
          try {
            this.#ledger.take(phone.name, request, answer)
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
          user: setting.users[n >> 1]!,
          token: tokens[n >> 1]!,
          key: keys.publishable,
          sqlite: n % 4 === 3,
          pageSize: n % 3 === 1 ? 7 : 100,
          fetch: fetchOf,
        }),
    )
  }

  static async create(db: ProofDatabase, keys: Keys, broken?: Break['client']): Promise<World> {
    const setting = newSetting(4)
    const exp = Math.floor(Date.now() / 1000) + 86_400
    const tokens = await Promise.all(
      setting.users.map((sub) =>
        sign({ sub, role: 'authenticated', exp }, keys.jwtSecret, 'HS256'),
      ),
    )
    return new World(db, keys, setting, tokens, broken)
  }

  async run({ members, ready, clocks, ops }: History): Promise<void> {
    try {
      await this.#outside.begin(members)
      for (const [n, years] of clocks.entries()) this.#phones[n]!.skew = years * YEAR
      for (const phone of this.#phones.slice(0, ready)) await this.#sync(phone, 'sync', [])
      const ofDatabase = ({ do: what }: Op) =>
        what === 'back up database' || what === 'restore database'
      for (const [n, op] of ops.entries()) {
        const willRestore = ops.slice(n + 1).find(ofDatabase)?.do === 'restore database'
        await this.#take(op, willRestore)
        if (this.#violation) throw this.#violation
      }
      await this.#settle()
      if (this.#violation) throw this.#violation
    } catch (error) {
      const said = error instanceof Error ? error : new Error(String(error))
      const where = said instanceof Violation ? '' : `\n${said.stack}`
      throw new Error(
        readable([...this.journal.trace, `✗ ${said.message}${where}`].join('\n'), this.#setting),
        {
          cause: error,
        },
      )
    } finally {
      await this.#outside.cleanUp()
    }
  }

  async #take(op: Op, willRestore: boolean): Promise<void> {
    switch (op.do) {
      case 'edit':
        for (const edit of op.edits) {
          const phone = this.#phone(op.device)
          await this.#edit(phone, phone.sync, edit)
        }
        return
      case 'sync':
        return this.#sync(this.#phone(op.device), op.way, op.faults, op.meanwhile)
      case 'at odds':
        return this.#atOdds(op)
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
        return this.journal.note(
          `${phone.name}'s clock is ${op.years} years ahead`,
          'clock changed',
        )
      }
      case 'resolve':
        return this.#resolve(op.device, op.take)
      case 'sql':
        return this.#outside.sql(op.open, op.edit)
      case 'end':
        return this.#outside.end(op.commit)
      case 'members':
        return this.#outside.changeMembers(op)
      case 'purge':
        return this.#outside.purge()
      case 'schema':
        return this.#outside.changeSchema()
      case 'back up database':
        return this.#outside.backUp(willRestore)
      case 'restore database':
        return this.#outside.restore(willRestore)
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
    const told = phone.told.length
    if (kind === 'insert') {
      const id = newId(table, this.#setting)
      if (table === 'trips') this.#setting.trips.push(id)
      this.#asked = { phone, kind, table, id, mark, told }
      await rows.insert({ ...content(table, id, value, phone.user, this.#setting), [column]: mark })
      return this.#did(this.#asked)
    }
    const shown = await this.#shown(sync, table)
    const target = shown[row % (shown.length || 1)]
    if (!target) return
    const id = String(target.id)
    const key = target.id as string
    const edit = { phone, table, id, told }
    if (kind === 'remove') {
      const pending = await sync.queue.list({ status: 'pending', table })
      const unsent = pending.some((waiting) => waiting.id === id && waiting.op === 'put')
      const named = markOf(phone.name, { op: 'delete', table, id })
      this.#asked = { ...edit, kind, mark: unsent ? undefined : named }
      await rows.remove(key)
      return this.#did(this.#asked)
    }
    if (kind === 'bad' && table === 'items') {
      this.#asked = { ...edit, kind, mark: `bad ${mark}` }
      await rows.update(key, { name: `bad ${mark}` })
      return this.#did(this.#asked)
    }
    const more: Row =
      table === 'items' && typeof target.quantity === 'number'
        ? { quantity: target.quantity + value + 1 }
        : table === 'docs'
          ? { title: `w${value}` }
          : {}
    this.#asked = { ...edit, kind: 'update', mark }
    await rows.update(key, { [column]: mark, ...more })
    this.#did(this.#asked)
  }

  /** Two devices change the same row, each without knowing of the other. */
  async #atOdds(op: Extract<Op, { do: 'at odds' }>): Promise<void> {
    const { devices, table, row, value, next } = op
    const [one, other] = devices.map((n) => this.#phone(n)) as [Phone, Phone]
    const mine = await this.#shown(one.sync, table)
    const id = mine[row % (mine.length || 1)]?.id
    const place = (await this.#shown(other.sync, table)).findIndex((theirs) => theirs.id === id)
    if (place < 0) return
    await this.#edit(one, one.sync, { kind: 'update', table, row, value })
    await this.#edit(other, other.sync, { kind: 'update', table, row: place, value: value + 1 })
    this.journal.note(`${one.name} and ${other.name} are at odds`, 'two devices at odds')
    if (next === 'go on') return
    for (const phone of [one, other]) await this.#sync(phone, 'sync', [])
    if (next !== 'sync') await this.#resolve(devices[1], next)
  }

  #did(made: Made): void {
    const { phone, kind, table, id, mark } = made
    this.#made.push(made)
    this.journal.note(
      `${phone.name}: ${kind} ${keyOf(table, id)} ${mark ?? ''}`,
      kind === 'bad' ? 'app edit that is refused' : `app ${kind}`,
    )
  }

  async #sync(
    phone: Phone,
    way: 'sync' | 'push' | 'pull',
    planned: (Fault | 'none')[],
    meanwhile: AppEdit | null = null,
  ): Promise<void> {
    phone.faults.splice(0, Infinity, ...(planned as Fault[]))
    let said = 'done'
    const { sync } = phone
    const work = sync[way]()
    const edited = meanwhile && this.#edit(phone, sync, meanwhile)
    try {
      await work
    } catch (error) {
      said = String((error as { code?: string }).code ?? error)
      if (planned.every((fault) => fault === 'none') && !this.#outside.isOpen)
        throw new Violation(
          `${phone.name} cannot ${way}, though nothing went wrong: ${String(error)}`,
        )
    } finally {
      await edited
      phone.faults.length = 0
    }
    this.journal.note(
      `${phone.name}: ${way} [${planned.join(', ')}]: ${said}`,
      meanwhile ? `${way} beside an edit` : way,
    )
    // What was edited meanwhile may wait for the next one.
    if (said === 'done' && way === 'sync' && !meanwhile && !this.#violation)
      await checkPhone(phone, this.#db.owner)
  }

  /** Two tabs on one storage sync at the same time. */
  async #together(phone: Phone, planned: (Fault | 'none')[]): Promise<void> {
    phone.faults.splice(0, Infinity, ...(planned as Fault[]))
    const other = phone.open()
    await Promise.allSettled([phone.sync.sync(), other.sync()])
    await this.#quiet()
    phone.faults.length = 0
    phone.restart()
    this.journal.note(`${phone.name}: two tabs sync [${planned.join(', ')}]`, 'two tabs')
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
    this.journal.note(
      `${phone.name}: killed ${moment} write ${at} of ${during}: ${died ? 'died' : 'lived'}`,
      died ? `killed during ${during}` : 'survived',
    )
    // An edit that had not returned may or may not be stored, in the place of the one before.
    if (during === 'edit' && !made && this.#asked)
      this.#made.push({ ...this.#asked, mark: undefined })
    if (died) for (const edit of this.#made) if (edit.phone === phone) edit.unheard = true
  }

  /** What a dead process has asked for is carried out all the same: now, and not in the middle of what comes next. */
  async #quiet(): Promise<void> {
    do {
      await Promise.allSettled(this.#underWay)
      await setImmediate()
    } while (this.#underWay.size > 0)
  }

  /** The storage is gone that had the device's edits, from the given one on. */
  #throwAway(phone: Phone, from = 0): void {
    for (const made of this.#made.slice(from)) if (made.phone === phone) made.thrownAway = true
  }

  async #clone(from: Phone, to: Phone): Promise<void> {
    this.#throwAway(to)
    for (const mark of await from.edits()) this.#ledger.doubled.add(mark)
    to.replace(await from.copy())
    this.journal.note(`${to.name} is a clone of ${from.name}`, 'device cloned')
  }

  async #backUp(phone: Phone): Promise<void> {
    this.#backups.set(phone, { disk: await phone.copy(), made: this.#made.length })
    this.journal.note(`${phone.name} is backed up`, 'device backed up')
  }

  async #putBack(phone: Phone | undefined): Promise<void> {
    const backup = phone && this.#backups.get(phone)
    if (!backup) return
    this.#backups.delete(phone)
    this.#throwAway(phone, backup.made)
    phone.replace(backup.disk)
    for (const mark of await phone.edits()) this.#ledger.doubled.add(mark)
    this.journal.note(`${phone.name} goes back to its backup`, 'device put back')
  }

  /** The first device from the given one on that knows of a conflict decides it. */
  async #resolve(first: number, take: 'client' | 'server'): Promise<void> {
    for (let n = 0; n < this.#phones.length; n++) {
      const phone = this.#phone((first + n) % this.#phones.length)
      const { conflicts } = phone.sync
      try {
        const [open] = await conflicts.list()
        if (!open) continue
        this.#ledger.unsure(open.table, open.id)
        await conflicts.resolve(open.conflict_id, take)
        return this.journal.note(`${phone.name} decides a conflict: ${take}`, 'conflict decided')
      } catch (error) {
        return this.journal.note(
          `${phone.name} cannot decide a conflict: ${String(error)}`,
          'conflict not decided',
        )
      }
    }
  }

  /** All devices sync until nothing is left to say; then everything is held against plain SQL and the books. */
  async #settle(): Promise<void> {
    await this.#outside.end(true)
    for (const phone of this.#phones) await this.#sync(phone, 'push', [])
    for (const phone of this.#phones) await this.#sync(phone, 'sync', [])
    const ids = Object.values(this.#setting.ids).flat()
    const [stored] = (await this.#db.owner.run(`select fuzz.look(${words(ids)})`)) as [Looked]
    this.#ledger.check(byKey(stored))
    for (const phone of this.#phones) await checkEdits(phone, this.#made, this.#ledger)
  }

  #fault(phone: Phone): Fault | undefined {
    const fault = phone.faults.shift() as Fault | 'none' | undefined
    if (fault === undefined || fault === 'none') return undefined
    this.journal.count(`request ${fault}`)
    return fault
  }

  #phone(n: number): Phone {
    return this.#phones[n]!
  }
}
