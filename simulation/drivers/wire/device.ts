import postgres from 'postgres'
import type { PullAnswer } from '../../../supabase/functions/_tidemark/wire.ts'
import type { Row, TableName } from '../../app/tables.ts'
import { as, isBlocked, literal } from '../../database/sql.ts'
import type { Told } from '../../oracle/edits.ts'
import type { Held } from '../../oracle/held.ts'
import type { World } from '../../world/world.ts'
import type { Device, SyncOutcome, SyncPlan, Write } from '../device.ts'
import type { Fault } from '../faults.ts'
import { push } from './push.ts'
import { State } from './state.ts'

/** Faults that only a push can have. */
const ofPushes: ReadonlySet<Fault> = new Set<Fault>(['late', 'undone'])

const ops = { insert: 'put', update: 'patch', remove: 'delete' } as const

/** A device that speaks the protocol by plain calls of the database functions. */
export class WireDevice implements Device {
  readonly name: string
  readonly user: string
  skew = 0
  readonly told: Told[] = []
  state = new State()
  readonly world: World
  /** By device id: up to which number edits are committed. */
  readonly committed: Map<string, number>
  /** The last number that its storage knew when it went back; until the device has asked how far the server got. */
  #wentBackTo: number | undefined
  #lastPage: PullAnswer | undefined

  constructor(name: string, user: string, world: World, committed: Map<string, number>) {
    this.name = name
    this.user = user
    this.world = world
    this.committed = committed
  }

  now(): string {
    return new Date(Date.now() + this.skew).toISOString()
  }

  async held(): Promise<Held[]> {
    const { rows, queue } = this.state
    const waiting = queue.map(({ table, id }) => ({ table, id, row: null, edits: 1 }))
    return [...[...rows.values()].map((row) => ({ ...row, edits: 0 })), ...waiting]
  }

  async shown(table: TableName): Promise<Row[]> {
    return this.state.ids(table).map((id) => this.state.shown(table, id)!)
  }

  async write({ op, table, id, data, withOld }: Write): Promise<void> {
    const edited = { op: ops[op], table, id, edited_at: this.now() }
    const { seq, base } = this.state.enqueue(edited, data, withOld)
    this.world.journal.note(
      `  as ${edited.op} #${seq} on ${base ?? 'nothing'}${data ? ` ${JSON.stringify(data)}` : ''}`,
    )
  }

  /** Every edit is sent by itself. */
  async endsInsert(): Promise<boolean> {
    return false
  }

  async marks(status?: 'failed'): Promise<string[]> {
    const { queue, failed } = this.state
    return this.state.marks(this.name, status ? failed : [...queue, ...failed])
  }

  async sync(plan: SyncPlan): Promise<SyncOutcome> {
    const { way, faults, meanwhile } = plan
    const planned = [...faults]
    const next = (): Fault | undefined => {
      const fault = planned.shift()
      return fault === 'none' ? undefined : fault
    }
    let failed: string | undefined
    if (way !== 'pull' && (await this.#isSure())) failed = await push(this, next(), plan)
    await meanwhile?.()
    if (way === 'push') return { complete: false, ...(failed && { failed }) }
    for (let page = 0; page < plan.pages; page++)
      if (!(await this.#pull(plan.page, next())))
        return { complete: this.state.queue.length === 0, ...(failed && { failed }) }
    return { complete: false, ...(failed && { failed }) }
  }

  /** One page. Whether there may be more. */
  async #pull(limit: number, fault: Fault | undefined): Promise<boolean> {
    const { db, journal } = this.world
    if (fault && !ofPushes.has(fault)) journal.count(`request ${fault}`)
    if (fault === 'dropped before') return true
    const call = `${as(this.user)} select public.sync_pull('${this.state.id}', ${literal(this.state.cursor)}, ${literal({ limit })})`
    let page: PullAnswer
    try {
      if (fault === 'twice' || fault === 'at once') await db.main.run(call)
      page = (await db.main.run(call))[0] as PullAnswer
    } catch (error) {
      if (this.isRevoked(error)) return true
      throw error
    }
    if (fault === 'dropped after') return true
    this.state.applyPage(page)
    if (fault === 'answered twice') this.state.applyPage(page)
    this.#lastPage = page
    const rows = page.changes.flatMap(({ scope, table, upsert, remove }) => [
      ...upsert.map((row) => `${table} ${String(row.id)} v${String(row.version)} in ${scope}`),
      ...remove.map((id) => `no ${table} ${id} in ${scope}`),
    ])
    const { reset, joined, left, more } = page
    journal.note(
      `${this.name} pulls ${limit}${fault ? ` (${fault})` : ''}:${reset ? ' RESET' : ''}${joined.length > 0 ? ` joined ${joined.join(' ')}` : ''}${left.length > 0 ? ` left ${left.join(' ')}` : ''} [${rows.join('; ')}]${more ? ' more' : ''}`,
      'page',
      ...(reset ? ['reset'] : []),
      ...(joined.length > 0 ? ['joined'] : []),
      ...(left.length > 0 ? ['left'] : []),
      ...(more ? ['more'] : []),
    )
    return more
  }

  /** Takes the page once more that it took in last, however long ago that was. */
  applyLastPageAgain(): void {
    if (!this.#lastPage) return
    this.state.applyPage(this.#lastPage)
    this.world.journal.note(`${this.name} applies its last page again`, 'page applied again')
  }

  /** Where its storage went back, it asks how far the server got: if further than that, it takes a new id. Whether it could ask. */
  async #isSure(): Promise<boolean> {
    if (this.#wentBackTo === undefined) return true
    try {
      const [{ last_seq }] = (await this.world.db.main.run(
        `${as(this.user)} select public.sync_register_device('${this.state.id}', '{"name":"${this.name}"}')`,
      )) as [{ last_seq: number }]
      if (last_seq > this.#wentBackTo) this.#rename()
    } catch (error) {
      if (isBlocked(error)) return false
      if (!this.isRevoked(error)) throw error
    }
    this.#wentBackTo = undefined
    return true
  }

  async revoke(): Promise<void> {
    const { db, journal } = this.world
    try {
      await db.main.run(`${as(this.user)} select public.sync_revoke_device('${this.state.id}')`)
      journal.note(`${this.name} is revoked`, 'device revoked')
    } catch (error) {
      if (!isBlocked(error)) throw error
    }
  }

  /** Whether a call failed because the device was revoked. It goes on under a new id, with its queue. */
  isRevoked(error: unknown): boolean {
    if (!(error instanceof postgres.PostgresError) || error.message !== 'device_revoked')
      return false
    this.#rename()
    return true
  }

  #rename(): void {
    for (const mark of this.state.marks(this.name, this.state.queue))
      this.world.ledger.doubled.add(mark)
    this.state.rename()
    this.world.journal.note(`${this.name} takes a new id`, 'device renamed')
  }

  async conflict() {
    const [open] = (await this.world.db.main.run(
      `${as(this.user)} select public.sync_conflicts()`,
    )) as [{ table: string; id: string; conflict_id: string }[]]
    return open[0]
  }

  async resolve(conflictId: string, choice: 'client' | 'server' | { row: Row }): Promise<void> {
    const resolution = typeof choice === 'string' ? { take: choice } : choice
    await this.world.db.main.run(
      `${as(this.user)} select public.sync_resolve('${conflictId}', ${literal(resolution)})`,
    )
  }

  async backup(): Promise<State> {
    return this.state.copy()
  }

  async replace(backup: unknown): Promise<void> {
    this.#lastPage = undefined
    this.state = backup ? (backup as State).copy() : new State()
    this.#wentBackTo = backup ? this.state.seq : undefined
  }
}
