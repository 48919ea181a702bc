import type { Keys, Records, StoreName } from '../model/records.ts'
import type { Tabs, TabsOptions } from '../platform/tabs.ts'

/** Names of the indexes by store. */
export interface Indexes {
  meta: never
  rows: 'table' | 'scope'
  queue: 'row'
  failed: never
  damaged: never
  aliases: never
}

/** Key and index columns of each store, from which an adapter builds its tables. */
export const SCHEMA = {
  meta: { key: ['name'], indexes: {} },
  rows: { key: ['table', 'id'], indexes: { table: ['table'], scope: ['scope'] } },
  queue: { key: ['seq'], indexes: { row: ['table', 'id'] } },
  failed: { key: ['seq'], indexes: {} },
  damaged: { key: ['id'], indexes: {} },
  aliases: { key: ['local'], indexes: {} },
} as const satisfies {
  [S in StoreName]: { key: readonly string[]; indexes: Record<string, readonly string[]> }
}

export const STORE_NAMES = Object.keys(SCHEMA) as StoreName[]

/** Version of {@link SCHEMA}. An adapter upgrades a storage with an older version. */
export const SCHEMA_VERSION = 3

/** Which records of a store to read; all without `index`. Results are in key order. */
export interface Scan<S extends StoreName> {
  index?: Indexes[S]
  /** Values of the index's columns, in their order. */
  equals?: readonly string[]
  /** At most this many records. */
  limit?: number
}

/**
 * The stores within one transaction. Records that were put or read are never changed, so an adapter need not copy
 * them.
 */
export interface Transaction {
  get<S extends StoreName>(store: S, key: Keys[S]): Promise<Records[S] | undefined>
  /** One result per key, in the same order. */
  getMany<S extends StoreName>(
    store: S,
    keys: readonly Keys[S][],
  ): Promise<(Records[S] | undefined)[]>
  /** Adds, or replaces by key. */
  putMany<S extends StoreName>(store: S, records: readonly Records[S][]): Promise<void>
  /** Ignores keys without a record. */
  deleteMany<S extends StoreName>(store: S, keys: readonly Keys[S][]): Promise<void>
  scan<S extends StoreName>(store: S, query?: Scan<S>): Promise<Records[S][]>
  count(store: StoreName): Promise<number>
}

/**
 * The storage of a device. Every failure is a `StorageError` whose `code` names the cause:
 * `quota`, `corrupt`, `blocked`, `closed` or `storage`.
 */
export interface SyncStorage {
  /** The other tabs and processes that share the data. Absent: the data is not shared. */
  tabs?(options?: TabsOptions): Tabs
  /** Opens the storage. Does nothing where it is open. */
  open(): Promise<void>
  /**
   * Runs `body` in a transaction on all stores; where it throws, none of its writes are stored. Transactions that
   * write run one after the other, across tabs and processes that share the data. `body` awaits nothing but calls of
   * `tx`. An adapter may run it several times; only the writes of the last time are stored.
   */
  transaction<T>(mode: 'readonly' | 'readwrite', body: (tx: Transaction) => Promise<T>): Promise<T>
  /** Approximate size in bytes. Absent where it is not known. */
  size?(): Promise<number>
  /** Closes the storage. The data stays, and the storage can be opened again. */
  close(): Promise<void>
}
