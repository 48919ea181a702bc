import { DatabaseSync } from 'node:sqlite'
import { setImmediate } from 'node:timers/promises'
import { createClient } from '@supabase/supabase-js'
import { type Row, type TableName, tableNames } from '../../app/tables.ts'
import type { Told } from '../../oracle/edits.ts'
import type { Held } from '../../oracle/held.ts'
import { markOf } from '../../oracle/ledger.ts'
import type { Device, SyncOutcome, SyncPlan, Write } from '../device.ts'
import type { Fault } from '../faults.ts'
import {
  crashing,
  createSync,
  memoryStorage,
  sqliteStorage,
  STORE_NAMES,
  type Sync,
  type SyncStorage,
  syncSqlite,
} from './tidemark.ts'

export interface ClientDeviceOptions {
  name: string
  user: string
  token: string
  key: string
  /** Kept in SQLite instead of in memory. */
  sqlite: boolean
  /** Rows that it asks for at a time. */
  pageSize: number
  /** Requests that the server has not carried out yet. */
  underWay: ReadonlySet<Promise<unknown>>
  fetch: (device: ClientDevice) => typeof globalThis.fetch
}

/** A device: the real client on a storage of its own, which outlives it. */
export class ClientDevice implements Device {
  readonly name: string
  readonly user: string
  /** Faults of its next requests. */
  readonly faults: (Fault | 'none')[] = []
  skew = 0
  readonly told: Told[] = []
  #sync!: Sync
  #storage: SyncStorage
  readonly #client
  readonly #sqlite: boolean
  readonly #pageSize: number
  readonly #underWay: ReadonlySet<Promise<unknown>>

  constructor(options: ClientDeviceOptions) {
    const { name, user, token, key, sqlite, pageSize, underWay, fetch } = options
    this.name = name
    this.user = user
    this.#sqlite = sqlite
    this.#pageSize = pageSize
    this.#underWay = underWay
    this.#storage = this.#newStorage()
    this.#client = createClient('http://gateway.local', key, {
      accessToken: async () => token,
      global: { fetch: fetch(this) },
    })
    this.restart()
  }

  #newStorage(): SyncStorage {
    return this.#sqlite ? sqliteStorage(syncSqlite(new DatabaseSync(':memory:'))) : memoryStorage()
  }

  /** Another client on a storage, as a second tab or the next process is. */
  #open(storage: SyncStorage = this.#storage): Sync {
    const sync = createSync({
      supabase: this.#client,
      storage,
      tables: tableNames,
      transport: 'rpc',
      pageSize: this.#pageSize,
      backoff: { retries: 1, base: 0, cap: 0 },
      clock: {
        now: () => Date.now() + this.skew,
        after(ms, fn) {
          const timer = setTimeout(fn, ms)
          return () => clearTimeout(timer)
        },
      },
    })
    sync.on('lost', ({ table, id, columns }) => this.told.push({ table, id, columns }))
    sync.on('rejected', ({ table, id }) => this.told.push({ table, id }))
    sync.on('conflict_detected', ({ table, id, lost, copyId, conflictId }) =>
      this.told.push({ table, id, ...(!copyId && !conflictId && { columns: lost }) }),
    )
    return sync
  }

  /** The process is gone; a new one finds what was stored. */
  restart(): void {
    this.#sync = this.#open()
  }

  async held(): Promise<Held[]> {
    await this.#storage.open()
    const records = await this.#storage.transaction('readonly', (tx) => tx.scan('rows'))
    return records.map(({ table, id, row, scope, queued = 0 }) => ({
      table,
      id,
      row,
      scope,
      edits: queued,
    }))
  }

  async shown(table: TableName): Promise<Row[]> {
    return this.#sync.table(table).list()
  }

  write(write: Write): Promise<void> {
    return this.#writeTo(this.#sync, write)
  }

  async #writeTo(sync: Sync, { op, table, id, data }: Write): Promise<void> {
    const rows = sync.table(table)
    const key = (table === 'notices' ? Number(id) : id) as string
    if (op === 'insert') await rows.insert(data!)
    else if (op === 'update') await rows.update(key, data!)
    else await rows.remove(key)
  }

  async endsInsert(table: TableName, id: string): Promise<boolean> {
    const pending = await this.#sync.queue.list({ status: 'pending', table })
    return pending.some((waiting) => waiting.id === id && waiting.op === 'put')
  }

  async marks(status?: 'failed'): Promise<string[]> {
    const items = await this.#sync.queue.list(status && { status })
    return items.flatMap((item) => markOf(this.name, item) ?? [])
  }

  async sync({ way, faults, meanwhile }: SyncPlan): Promise<SyncOutcome> {
    this.faults.splice(0, Infinity, ...faults)
    let failed: string | undefined
    const work = this.#sync[way]()
    const edited = meanwhile?.()
    try {
      await work
    } catch (error) {
      failed = String((error as { code?: string }).code ?? error)
    } finally {
      await edited
      this.faults.length = 0
    }
    // What was edited meanwhile may wait for the next one.
    const complete = failed === undefined && way === 'sync' && !meanwhile
    return { complete, ...(failed !== undefined && { failed }) }
  }

  /** Two tabs on one storage sync at the same time. */
  async syncTwoTabs(faults: readonly (Fault | 'none')[]): Promise<void> {
    this.faults.splice(0, Infinity, ...faults)
    await Promise.allSettled([this.#sync.sync(), this.#open().sync()])
    await this.#quiet()
    this.faults.length = 0
    this.restart()
  }

  /** Lets the process die at a storage write of `work`, and starts it again. Resolves to whether it died. */
  async die(
    at: number,
    moment: 'before' | 'after',
    work: (dying: { sync: () => Promise<void>; write: (write: Write) => Promise<void> }) => unknown,
  ): Promise<boolean> {
    const crash = crashing(this.#storage, at, moment)
    await this.#storage.open()
    const sync = this.#open(crash.storage)
    const dying = {
      sync: async () => void (await sync.sync()),
      write: (write: Write) => this.#writeTo(sync, write),
    }
    try {
      await work(dying)
    } catch {
      // The dying process reports that its storage is gone.
    }
    const died = crash.died()
    // Nothing that is still under way in the old process may write.
    crash.kill()
    this.restart()
    await this.#quiet()
    return died
  }

  /** What a dead process has asked for is carried out all the same: now, and not in the middle of what comes next. */
  async #quiet(): Promise<void> {
    do {
      await Promise.allSettled(this.#underWay)
      await setImmediate()
    } while (this.#underWay.size > 0)
  }

  async conflict() {
    const [open] = await this.#sync.conflicts.list()
    return open
  }

  async resolve(conflictId: string, choice: 'client' | 'server' | { row: Row }): Promise<void> {
    await this.#sync.conflicts.resolve(conflictId, choice)
  }

  async backup(): Promise<SyncStorage> {
    const copy = this.#newStorage()
    await Promise.all([copy.open(), this.#storage.open()])
    const stored = await this.#storage.transaction('readonly', async (tx) => {
      const all = []
      for (const name of STORE_NAMES) all.push([name, await tx.scan(name)] as const)
      return all
    })
    await copy.transaction('readwrite', async (tx) => {
      for (const [name, records] of stored) await tx.putMany(name, records)
    })
    return copy
  }

  async replace(backup: unknown): Promise<void> {
    this.#storage = (backup as SyncStorage | undefined) ?? this.#newStorage()
    this.restart()
  }
}
