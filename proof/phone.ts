import { DatabaseSync } from 'node:sqlite'
import { createClient } from '@supabase/supabase-js'
import { createSync, memoryStorage, sqliteStorage, syncSqlite } from '../client/src/index.ts'
import type { QueueItem, Sync, SyncStorage } from '../client/src/index.ts'
import { STORE_NAMES } from '../client/src/storage/contract.ts'
import { crashing } from '../client/tests/support/crash.ts'
import type { Row, TableName } from '../fuzz/app.ts'
import { markOf } from './ledger.ts'
import type { Fault } from './network.ts'

/** Tables that every device syncs. */
export const synced: TableName[] = [
  'trips',
  'items',
  'club_members',
  'docs',
  'cards',
  'notes',
  'notices',
]

export interface PhoneOptions {
  name: string
  user: string
  token: string
  key: string
  /** Kept in SQLite instead of in memory. */
  sqlite: boolean
  /** Rows that it asks for at a time. */
  pageSize: number
  fetch: (phone: Phone) => typeof globalThis.fetch
}

export interface Told {
  table: string
  id: string
  /** Those that were overruled; undefined where the edit was as a whole. */
  columns?: string[]
}

/** A device: the real client on a storage of its own, which outlives it. */
export class Phone {
  readonly name: string
  readonly user: string
  /** Faults of its next requests. */
  readonly faults: Fault[] = []
  /** Its clock is wrong by this many milliseconds. */
  skew = 0
  /** What the app was told is not as it wanted, in order. */
  readonly told: Told[] = []
  sync!: Sync
  #disk: SyncStorage
  readonly #client
  readonly #sqlite: boolean
  readonly #pageSize: number

  constructor({ name, user, token, key, sqlite, pageSize, fetch }: PhoneOptions) {
    this.name = name
    this.user = user
    this.#sqlite = sqlite
    this.#pageSize = pageSize
    this.#disk = this.#newDisk()
    this.#client = createClient('http://gateway.local', key, {
      accessToken: async () => token,
      global: { fetch: fetch(this) },
    })
    this.restart()
  }

  #newDisk(): SyncStorage {
    return this.#sqlite ? sqliteStorage(syncSqlite(new DatabaseSync(':memory:'))) : memoryStorage()
  }

  /** Another client on a storage, as a second tab or the next process is. */
  open(storage: SyncStorage = this.#disk): Sync {
    const sync = createSync({
      supabase: this.#client,
      storage,
      tables: synced,
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
    this.sync = this.open()
  }

  /** Lets the process die at a storage write of `work`, and starts it again. Resolves to whether it died. */
  async die(at: number, moment: 'before' | 'after', work: (sync: Sync) => Promise<unknown>) {
    const crash = crashing(this.#disk, at, moment)
    await this.#disk.open()
    await work(this.open(crash.storage)).catch(() => {})
    const died = crash.died()
    // Dead is dead: nothing that is still under way in the old process may write.
    crash.kill()
    this.restart()
    return died
  }

  /** A copy of everything stored. */
  async copy(): Promise<SyncStorage> {
    const copy = this.#newDisk()
    await Promise.all([copy.open(), this.#disk.open()])
    const stored = await this.#disk.transaction('readonly', async (tx) => {
      const all = []
      for (const name of STORE_NAMES) all.push([name, await tx.scan(name)] as const)
      return all
    })
    await copy.transaction('readwrite', async (tx) => {
      for (const [name, records] of stored) await tx.putMany(name, records)
    })
    return copy
  }

  /** Goes on with another storage. */
  replace(disk: SyncStorage): void {
    this.#disk = disk
    this.restart()
  }

  /** Every row that the storage holds, whatever the app is shown of it. */
  async held(): Promise<{ table: string; id: string; row: Row | null; edits: number }[]> {
    await this.#disk.open()
    const records = await this.#disk.transaction('readonly', (tx) => tx.scan('rows'))
    return records.map(({ table, id, row, queued = 0 }) => ({ table, id, row, edits: queued }))
  }

  /** Names of the edits in the queue: of those that were refused, or of all. */
  async edits(status?: QueueItem['status']): Promise<string[]> {
    const items = await this.sync.queue.list(status && { status })
    return items.flatMap((item) => markOf(this.name, item) ?? [])
  }
}
