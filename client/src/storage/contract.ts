import type { Keys, Records, StoreName } from '../model/records.ts'
import type { Tabs, TabsOptions } from '../platform/tabs.ts'

/** What a scan can ask for, by store: name of the index → columns it compares. */
export interface Indexes {
  meta: never
  rows: 'table' | 'scope'
  queue: 'row'
  failed: never
  damaged: never
  aliases: never
}

/** Key and index columns of each store. An adapter builds its tables from this. */
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

/** Version of {@link SCHEMA}; an adapter that finds an older one upgrades. */
export const SCHEMA_VERSION = 3

/** Which records to read; all of the store without `index`. Results come in key order. */
export interface Scan<S extends StoreName> {
  index?: Indexes[S]
  /** Values of the index's columns, in their order. */
  equals?: readonly string[]
  /** At most this many records. */
  limit?: number
}

/**
 * The stores, inside one transaction. Records are values: nobody changes one that was put or got, so
 * an adapter need not copy them.
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
  /** Removing what is not there is no error. */
  deleteMany<S extends StoreName>(store: S, keys: readonly Keys[S][]): Promise<void>
  scan<S extends StoreName>(store: S, query?: Scan<S>): Promise<Records[S][]>
  count(store: StoreName): Promise<number>
}

/**
 * Where a device keeps everything. Every failure is a `StorageError` whose `code` names the cause:
 * `quota`, `corrupt`, `blocked`, `closed` or `storage`.
 */
export interface SyncStorage {
  /** The others that have opened the same data. Absent: nobody else does. */
  tabs?(options?: TabsOptions): Tabs
  /** Makes it ready for use; calling it again is free. */
  open(): Promise<void>
  /**
   * Runs `body` with all stores: all of its writes happen, or, if it throws, none. Transactions that
   * write do so one after the other, across tabs and processes that share the store. `body` awaits
   * nothing but calls of `tx`, and may run more than once: all but the last leave no trace.
   */
  transaction<T>(mode: 'readonly' | 'readwrite', body: (tx: Transaction) => Promise<T>): Promise<T>
  /** Bytes that it takes, about. Absent where that cannot be told. */
  size?(): Promise<number>
  /** Lets go of what it holds open. What is stored stays, and `open` may follow. */
  close(): Promise<void>
}
