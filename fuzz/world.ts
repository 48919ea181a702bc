import postgres from 'postgres'
import type { PullAnswer, PushAnswer, PushResult } from '../supabase/functions/_tidemark/wire.ts'
import {
  byKey,
  type Looked,
  newSetting,
  type Row,
  type Setting,
  type TableName,
  tableNames,
  tables,
} from './app.ts'
import { checkAnswer, checkDevice, type Rows, type Sum, Violation } from './check.ts'
import type { Database } from './database.ts'
import type { Fate, History, Op } from './history.ts'
import { Journal } from './journal.ts'
import { as, asOwner, isBlocked, type Lane, literal, words } from './lane.ts'
import { Device, type Edit, type Stored } from './model.ts'
import { readable } from './names.ts'
import { changeSql, membershipSql, newId } from './sql.ts'

/** A connection whose transaction may stay open while others go on. */
interface Slot {
  lane: Lane
  open: boolean
  onCommit: (() => void)[]
}

/** Three users, four devices, their database; goes through one history. */
export class World {
  readonly journal = new Journal()
  readonly #db: Database
  readonly #setting: Setting
  readonly #devices: Device[]
  readonly #slots: Slot[]
  readonly #backups = new Map<Device, Stored>()
  /** Devices whose storage went back, and who have not asked yet how far the server got. */
  readonly #suspicious = new Set<Device>()
  readonly #pages = new Map<Device, PullAnswer>()
  /** By device id: up to which number mutations are committed. */
  readonly #committed = new Map<string, number>()

  constructor(db: Database) {
    this.#db = db
    this.#setting = newSetting(3)
    const { users } = this.#setting
    this.#devices = [
      new Device('A1', users[0]!, 0),
      new Device('A2', users[0]!, 3_600_000),
      new Device('B', users[1]!, -90_000_000),
      new Device('C', users[2]!, 5_000),
    ]
    this.#slots = db.slots.map((lane) => ({ lane, open: false, onCommit: [] }))
  }

  async run({ members, ready, ops, limit, sums }: History): Promise<void> {
    try {
      await this.#begin(members)
      for (const device of this.#devices.slice(0, ready)) await this.#pull(device, 100, 'no')
      for (const op of ops) await this.#take(op)
      await this.#settle(limit, sums)
    } catch (error) {
      if (!(error instanceof Violation || error instanceof postgres.PostgresError)) throw error
      const where =
        error instanceof postgres.PostgresError ? `\n${error.code} ${error.where ?? ''}` : ''
      throw new Error(
        readable([...this.journal.trace, `✗ ${error.message}${where}`].join('\n'), this.#setting),
        {
          cause: error,
        },
      )
    } finally {
      for (const slot of this.#slots) if (slot.open) await slot.lane.run('rollback')
    }
  }

  /** Two trips, a club, who belongs to them, and a row of everything. */
  async #begin(members: number[]): Promise<void> {
    const { users, trips, clubs, ids } = this.#setting
    const statements = [
      'update public.notices set deleted_at = now() where deleted_at is null',
      `insert into public.clubs values (${literal(clubs[0])})`,
      `insert into public.trips (id, title) values ${trips.map((id) => `(${literal(id)}, 'trip')`).join(', ')}`,
    ]
    ids.trips.push(...trips)
    for (const [n, role] of members.entries()) {
      if (role === 0) continue
      const scope = Math.floor(n / users.length)
      const membership = { change: 'join', scope, user: n % users.length, value: role } as const
      statements.push(membershipSql(membership, this.#setting)!)
    }
    for (const table of tableNames)
      if (table !== 'trips' && table !== 'club_members')
        statements.push(changeSql({ kind: 'insert', table, row: 0, value: 1 }, this.#setting)!)
    await this.#db.main.run(statements.join('; '))
    this.journal.note(
      `start: ${users.map((user) => this.#name(user)).join(', ')}; members ${members.join('')}`,
    )
  }

  async #take(op: Op): Promise<void> {
    switch (op.do) {
      case 'edit':
        return this.#edit(op)
      case 'push':
        return this.#push(this.#device(op.device), op.fate, op.slot, op.size)
      case 'pull': {
        const device = this.#device(op.device)
        for (let page = 0; page < op.pages; page++)
          if (!(await this.#pull(device, op.limit, op.again))) return
        return
      }
      case 'apply again': {
        const device = this.#device(op.device)
        const page = this.#pages.get(device)
        if (page) {
          device.apply(page)
          this.journal.note(`${device.name} applies its last page again`)
        }
        return
      }
      case 'sql':
        return this.#sql(op.slot, changeSql(op.change, this.#setting))
      case 'members':
        return this.#sql(op.slot, membershipSql(op.membership, this.#setting))
      case 'end':
        return this.#end(this.#slots[op.slot]!, op.commit)
      case 'purge':
        return this.#sql(op.slot, `select tidemark.purge('0 s')`)
      case 'reinstall':
        this.#forget(this.#device(op.device)).reinstall()
        return this.journal.note(`${this.#device(op.device).name} is installed anew`)
      case 'backup': {
        const device = this.#device(op.device)
        this.#backups.set(device, device.backup())
        return this.journal.note(`${device.name} is backed up`)
      }
      case 'restore':
        return this.#restore(this.#device(op.device))
      case 'revoke':
        return this.#revoke(this.#device(op.device))
      case 'resolve':
        return this.#resolve(this.#device(op.device), op.take)
    }
  }

  #edit(op: Extract<Op, { do: 'edit' }>): void {
    const device = this.#device(op.device)
    const { columns } = tables[op.table]
    const seen = device.ids(op.table)
    const id = seen[op.row % (seen.length || 1)]
    const value = (name: string, n: number) => columns[name]!(n, this.#setting)
    let edit: Edit
    if (op.kind === 'put' || id === undefined) {
      const known = this.#setting.ids[op.table]
      // Sometimes an id that another device, or plain SQL, has used before.
      const taken = op.kind === 'put' && op.taken ? known[op.row % (known.length || 1)] : undefined
      const fresh = taken !== undefined && !seen.includes(taken) ? taken : newId(op.table)
      if (!known.includes(fresh)) known.push(fresh)
      if (op.table === 'trips' && !this.#setting.trips.includes(fresh))
        this.#setting.trips.push(fresh)
      const data: Row = { id: op.table === 'notices' ? Number(fresh) : fresh }
      for (const name of Object.keys(columns))
        if (op.value % 5 || name !== 'title') data[name] = value(name, op.value)
      if (op.table === 'notes' && op.value !== 7) data.user_id = device.user
      if (op.table === 'trips') data.title = 'new'
      edit = device.edit('put', op.table, fresh, data)
    } else if (op.kind === 'delete') edit = device.edit('delete', op.table, id)
    else {
      const names = Object.keys(columns)
      const chosen = op.columns.map((n) => names[n % names.length]!)
      const data = Object.fromEntries(chosen.map((name, n) => [name, value(name, op.value + n)]))
      edit = device.edit('patch', op.table, id, data, op.old)
    }
    const what = edit.data ? ` ${JSON.stringify(edit.data)}` : ''
    this.journal.note(
      `${device.name} ${edit.op} #${edit.seq} ${edit.table} ${edit.id} on ${edit.base ?? 'nothing'}${what}`,
      `edit ${edit.op}`,
    )
  }

  async #push(device: Device, fate: Fate, place: number, size: number): Promise<void> {
    const slot = this.#slots[place]!
    if (fate === 'late' && slot.open) return
    if (this.#suspicious.has(device) && !(await this.#register(device))) return
    const batch = device.queue.slice(0, size)
    if (batch.length === 0) return
    const said = `${device.name} pushes ${batch.map(({ seq }) => `#${seq}`).join(' ')}`
    const { id } = device
    const committed = this.#committed.get(id) ?? 0
    const commit = () =>
      this.#committed.set(id, Math.max(this.#committed.get(id) ?? 0, batch.at(-1)!.seq))
    const ids = words([...new Set(batch.map((edit) => edit.id))])
    const call = `select public.sync_push('${id}', ${literal(batch)}, ${literal({ client_time: device.clock() })})`
    const look = `select fuzz.look(${ids})`
    const asUser = `select fuzz.scopes(); ${look}; ${asOwner} ${look}`
    const whole = `${look}; ${as(device.user)} ${call}; ${asUser}`
    const { main } = this.#db

    let lookedAt: unknown[]
    try {
      if (fate === 'twice') lookedAt = await this.#pushTwice(device, call, look, asUser)
      else if (fate === 'late') {
        lookedAt = await slot.lane.run(`begin; ${whole}`)
        slot.open = true
        slot.onCommit.push(commit)
      } else if (fate === 'undone') {
        lookedAt = await main.run(`begin; ${whole}`)
      } else lookedAt = await main.run(whole)
    } catch (error) {
      if (fate === 'late') await slot.lane.run('rollback')
      if (fate === 'undone') await main.run('rollback')
      if (isBlocked(error)) return this.journal.note(`${said}: blocked`, 'push blocked')
      if (this.#isRevoked(error, device)) return
      throw error
    }
    const [before, answer, scopes, seen, stored] = lookedAt as [
      Looked,
      PushAnswer,
      string[],
      Looked,
      Looked,
    ]
    const { results } = answer
    const aside = await this.#aside(fate === 'late' ? slot.lane : main, results)
    if (fate === 'undone') await main.run('rollback')
    this.journal.note(
      `${said}, ${fate}: ${results.map(({ seq, status, ...rest }) => `#${seq} ${status}${detail(rest)}`).join(', ')}`,
      `push ${fate}`,
      ...results.map(
        (result) => `result ${[result.status, errorOf(result)?.code].join(' ').trim()}`,
      ),
    )
    const after = new Device(device.name, device.user, device.skew)
    after.restore(device.backup())
    after.answered(batch, results)
    checkAnswer({
      device,
      held: device.rows,
      after,
      batch,
      results,
      committed,
      before: byKey(before),
      stored: byKey(stored),
      seen: byKey(seen),
      scopes,
      aside,
    })
    if (fate === 'heard' || fate === 'twice') device.restore(after)
    if (fate !== 'undone' && fate !== 'late') commit()
  }

  /** Two equal calls at once: one of them does it. */
  async #pushTwice(device: Device, call: string, look: string, asUser: string): Promise<unknown[]> {
    const { main, twin } = this.#db
    const [before] = await main.run(look)
    const patient = this.#slots.some(({ open }) => open) ? '' : `set local lock_timeout = '5s';`
    const calls = [main, twin].map((lane) => lane.run(`${patient} ${as(device.user)} ${call}`))
    const settled = await Promise.allSettled(calls)
    const answers = settled.flatMap((one) =>
      one.status === 'fulfilled' ? (one.value as PushAnswer[]) : [],
    )
    if (answers.length === 0) throw (settled[0] as PromiseRejectedResult).reason
    const lookedAt = await main.run(`${as(device.user)} ${asUser}`)
    const results = answers[0]!.results.map((first, n) => {
      const second = answers.at(-1)!.results[n]!
      const firsts = [first, second].filter(({ status }) => status !== 'duplicate')
      if (answers.length === 2 && firsts.length === 2)
        throw new Violation(`seq ${first.seq} was taken by both of two equal calls`)
      return firsts[0] ?? first
    })
    return [before, { ...answers[0], results }, ...lookedAt]
  }

  /** Copies and parked edits that the results name. */
  async #aside(lane: Lane, results: readonly PushResult[]): Promise<Rows> {
    const named = results as readonly { copy_id?: string; conflict_id?: string }[]
    const copies = named.flatMap(({ copy_id }) => copy_id ?? [])
    const conflicts = named.flatMap(({ conflict_id }) => conflict_id ?? [])
    if (copies.length + conflicts.length === 0) return new Map()
    const [copied, parked] = (await lane.run(
      `select fuzz.look(${words(copies)});
       select coalesce(json_agg(json_build_object('id', conflict_id, 'row', coalesce(client, '{}'))), '[]')
       from tidemark.sync_conflicts where conflict_id = any (${words(conflicts)}::uuid[])`,
    )) as [Looked, { id: string; row: Row }[]]
    for (const { table, row } of copied) this.#setting.ids[table as TableName].push(String(row.id))
    return new Map([
      ...copied.map(({ row }) => [String(row.id), row] as const),
      ...parked.map(({ id, row }) => [id, row] as const),
    ])
  }

  /** One page. Whether there is more. */
  async #pull(
    device: Device,
    limit: number,
    again: 'no' | 'fetched' | 'applied',
  ): Promise<boolean> {
    const call = `${as(device.user)} select public.sync_pull('${device.id}', ${literal(device.cursor)}, ${literal({ limit })})`
    let page: PullAnswer
    try {
      if (again === 'fetched') await this.#db.main.run(call)
      page = (await this.#db.main.run(call))[0] as PullAnswer
    } catch (error) {
      if (this.#isRevoked(error, device)) return true
      throw error
    }
    device.apply(page)
    if (again === 'applied') device.apply(page)
    this.#pages.set(device, page)
    const rowsIn = page.changes.flatMap(({ scope, table, upsert, remove }) => [
      ...upsert.map((row) => `${table} ${String(row.id)} v${String(row.version)} in ${scope}`),
      ...remove.map((id) => `no ${table} ${id} in ${scope}`),
    ])
    const { reset, joined, left, more } = page
    this.journal.note(
      `${device.name} pulls ${limit}${again === 'no' ? '' : ` (${again} twice)`}:${reset ? ' RESET' : ''}${joined.length > 0 ? ` joined ${joined.join(' ')}` : ''}${left.length > 0 ? ` left ${left.join(' ')}` : ''} [${rowsIn.join('; ')}]${more ? ' more' : ''}`,
      'pull',
      ...(reset ? ['reset'] : []),
      ...(joined.length > 0 ? ['joined'] : []),
      ...(left.length > 0 ? ['left'] : []),
      ...(more ? ['more'] : []),
    )
    return more
  }

  async #sql(place: number, text: string | undefined): Promise<void> {
    if (text === undefined) return
    const slot = this.#slots[place]
    const said = `${slot ? `tx${place}` : 'sql'}: ${text.replaceAll(/\s+/g, ' ')}`
    try {
      if (slot) {
        await slot.lane.run(slot.open ? text : `begin; ${text}`)
        slot.open = true
      } else {
        await this.#db.main.run(text)
      }
      this.journal.note(said, slot ? 'sql in an open transaction' : 'sql')
    } catch (error) {
      if (slot) {
        await slot.lane.run('rollback')
        Object.assign(slot, { open: false, onCommit: [] })
      }
      const refused = error instanceof postgres.PostgresError && error.code.startsWith('23')
      if (!refused && !isBlocked(error)) throw error
      this.journal.note(
        `${said}: ${refused ? error.message : 'blocked'}`,
        refused ? 'sql refused' : 'sql blocked',
      )
    }
  }

  async #end(slot: Slot, commit: boolean): Promise<void> {
    if (!slot.open) return
    const { onCommit } = slot
    Object.assign(slot, { open: false, onCommit: [] })
    await slot.lane.run(commit ? 'commit' : 'rollback')
    if (commit) for (const then of onCommit) then()
    this.journal.note(
      `tx${this.#slots.indexOf(slot)}: ${commit ? 'commit' : 'rollback'}`,
      commit ? 'commit' : 'rollback',
    )
  }

  #restore(device: Device): void {
    const backup = this.#backups.get(device)
    if (!backup) return
    this.#forget(device).restore(backup)
    this.#suspicious.add(device)
    this.journal.note(`${device.name} is restored from its backup`, 'restore')
  }

  /** Asks how far the server got. If further than the device: it was rolled back, and takes a new name. */
  async #register(device: Device): Promise<boolean> {
    try {
      const [{ last_seq }] = (await this.#db.main.run(
        `${as(device.user)} select public.sync_register_device('${device.id}', '{"name":"${device.name}"}')`,
      )) as [{ last_seq: number }]
      if (last_seq > device.seq) {
        device.rename()
        this.journal.note(`${device.name} takes a new name`, 'renamed')
      }
    } catch (error) {
      if (isBlocked(error)) return false
      if (!this.#isRevoked(error, device)) throw error
    }
    this.#suspicious.delete(device)
    return true
  }

  async #revoke(device: Device): Promise<void> {
    try {
      await this.#db.main.run(`${as(device.user)} select public.sync_revoke_device('${device.id}')`)
      this.journal.note(`${device.name} is revoked`, 'revoked')
    } catch (error) {
      if (!isBlocked(error)) throw error
    }
  }

  /** A revoked device goes on under a new name, with its queue. */
  #isRevoked(error: unknown, device: Device): boolean {
    if (!(error instanceof postgres.PostgresError) || error.message !== 'device_revoked')
      return false
    device.rename()
    this.journal.note(`${device.name} was revoked and takes a new name`, 'renamed')
    return true
  }

  async #resolve(device: Device, take: 'client' | 'server' | 'row'): Promise<void> {
    try {
      const [open] = (await this.#db.main.run(
        `${as(device.user)} select public.sync_conflicts()`,
      )) as [{ conflict_id: string }[]]
      const conflict = open[0]?.conflict_id
      if (!conflict) return
      const resolution = take === 'row' ? { row: { text: 'agreed' } } : { take }
      const [answer] = await this.#db.main.run(
        `${as(device.user)} select public.sync_resolve('${conflict}', ${literal(resolution)})`,
      )
      this.journal.note(
        `${device.name} resolves with ${take}: ${JSON.stringify(answer)}`,
        'resolved',
      )
    } catch (error) {
      if (!isBlocked(error)) throw error
    }
  }

  /** Everything ends, every queue is sent, every device reads to the end: then all agree with plain SQL. */
  async #settle(limit: number, withSums: boolean): Promise<void> {
    for (const slot of this.#slots) await this.#end(slot, true)
    for (const device of this.#devices)
      for (let tries = 0; device.queue.length > 0; tries++) {
        if (tries > 3) throw new Violation(`${device.name} cannot send its queue`)
        await this.#push(device, 'heard', 0, 100)
      }
    for (const device of this.#devices) {
      let pages = 0
      while (await this.#pull(device, limit, 'no'))
        if (++pages > 1000)
          throw new Violation(`${device.name} is never told that it has everything`)
    }
    const [summed] = this.#setting.users
    for (const user of this.#setting.users) {
      const sum = withSums && user === summed ? 'select public.sync_verify()' : ''
      const [truth, sums] = (await this.#db.main.run(
        `${as(user)} select fuzz.truth(); ${sum}`,
      )) as [Looked, Sum[] | undefined]
      for (const device of this.#devices)
        if (device.user === user) checkDevice(device, byKey(truth), sums)
    }
  }

  #forget(device: Device): Device {
    this.#pages.delete(device)
    return device
  }

  #device(n: number): Device {
    return this.#devices[n]!
  }

  #name(user: string): string {
    return `${user} has ${this.#devices
      .filter((device) => device.user === user)
      .map(({ name }) => name)
      .join(' and ')}`
  }
}

/** Why a mutation was refused, now or when it was first sent. */
const errorOf = (result: PushResult) => (result as { error?: { code: string } | null }).error

function detail(rest: object): string {
  const { row, error, ...other } = rest as { row?: Row; error?: { code: string; message: string } }
  const said = Object.entries(other).map(([name, value]) => `${name} ${JSON.stringify(value)}`)
  if (error) said.push(`${error.code}: ${error.message}`)
  if (row) said.push(`row ${JSON.stringify(row)}`)
  return said.length > 0 ? ` (${said.join(', ')})` : ''
}
