import type { Cursor, Mutation, ResultError } from '../../../supabase/functions/_tidemark/wire.ts'
import type { HistoryRecord } from '../database/history.ts'
import type { Row } from '../model/row.ts'
import type { Tabs, TabsOptions } from '../platform/tabs.ts'

/** A row as the device holds it. */
export interface RowRecord {
  table: string
  /** Primary key as text. */
  id: string
  /** What the app sees but for `local`; null where a queued edit removes the row. */
  row: Row | null
  /** Version of the server's row that the device knows; null while it knows none. */
  version: number | null
  /** Scope that the row came with; absent until the server has named it. */
  scope?: string
  /** The sweep that last met it, see `CursorRecord`. */
  sweep?: number
  /** Values of columns that stay on this device; the app sees them on top of `row`. */
  local?: Row
  /** Queued edits of this row. Absent means none. */
  edits?: number
  /** The server's row under the queued edits; null where it has none. Only with `edits`. */
  base?: Row | null
}

/** An edit that the server has not answered. */
export interface QueuedEdit {
  /** Place in the queue; what the server knows the edit by, together with the device's id. */
  seq: number
  table: string
  op: Mutation['op']
  id: string
  /** Row version the edit was made on; null: this device created the row. */
  base: number | null
  /** The new row (`put`) or its changed columns (`patch`). */
  data?: Row
  /** The changed columns' values before the edit (`patch`). */
  old?: Row
  /** RFC 3339, device clock. */
  edited_at: string
  /** Characters of `data` and `old` as JSON; what a batch is measured by. */
  size: number
  /** How urgent it is: lower goes out first. Absent means 0. */
  rank?: number
  /** Of its number and content, as it was stored. */
  checksum?: string
}

/** An edit that the server refused, kept with its content and the reason. */
export interface FailedEdit extends QueuedEdit {
  error: ResultError
  /** How often it had been sent. */
  attempts: number
  /** RFC 3339. */
  failed_at: string
}

/** The batch that is with the server, or was when the answer got lost: it is sent again exactly as it was. */
export interface Flight {
  /** Its last `seq`; it holds every queued edit up to there. */
  to: number
  /** What had been sent before: edits above this `seq` went out for the first time. */
  above: number
  /** What the server calls it by, where it is a part of one that it may have done already. */
  batch?: string
  /** How often it was sent. */
  attempts: number
  /** RFC 3339; when it was last sent. */
  at: string
  /** Why there was no answer, where the request is known to have failed. */
  error?: { code: string; message: string }
}

/** How people and operators know a device. */
export interface DeviceInfo {
  name?: string
  /** E.g. `iOS 19`, `Firefox on Linux`. */
  platform?: string
  /** Version of the app. */
  client_version?: string
}

/** Who this device is and how far its queue has got. */
export interface DeviceRecord {
  name: 'device'
  /** Made up on first use. */
  id: string
  /** The account whose rows these are; null until somebody has signed in. */
  user: string | null
  /** How often the store has been emptied for somebody else. Absent means 0. */
  hands?: number
  /** What the server is told of it. */
  info?: DeviceInfo
  /** The last `seq` given to an edit. */
  seq: number
  /** The highest `seq` ever sent: edits up to there are frozen, since the server may have them. */
  sent: number
  /** Edits confirmed since the count was last cleared. */
  completed: number
  /** When they were: milliseconds since 1970 and how many, oldest first. The oldest may be rounded up. */
  completions?: readonly (readonly [at: number, count: number])[]
  flight?: Flight
  /** The least urgent rank that was queued since the queue was last empty. Absent means 0. */
  least?: number
  /** True where a more urgent edit waits behind a less urgent one. */
  unordered?: boolean
}

/** Who this device is, once more: without it a damaged `DeviceRecord` would cost its name and its owner. */
export interface IdentityRecord extends Pick<DeviceRecord, 'id' | 'user'> {
  name: 'identity'
}

/** Where the device stands in the server's log. */
export interface CursorRecord {
  name: 'cursor'
  cursor: Cursor | null
  /** Pages applied so far. A page asked for at one count is not applied at another: somebody else was faster. */
  pages: number
  /** Scopes that pages have named, and that were not left. */
  scopes?: readonly string[]
  /** How many times everything was downloaded afresh. Absent means 0. */
  sweep?: number
  /** Tables for which that is still under way: rows that it has not met when it ends are gone. */
  sweeping?: readonly string[]
  /** Tables that hold fewer rows than the server has for this device, on purpose, and why. */
  partial?: Readonly<Record<string, Bounds>>
}

/** What a table was held to when rows of it were dropped. */
export interface Bounds {
  /** Its `maxRecords`. */
  records?: number
  /** The limit of all that is stored, where that prunes. */
  bytes?: number
}

/** Edits of an account that has signed out here, kept until it signs in again. */
export interface ParkedRecord {
  name: `parked:${string}`
  /** Who the device was to the server; it goes on under that name and its numbers. */
  device: DeviceRecord
  queue: QueuedEdit[]
  failed: FailedEdit[]
  /** The rows that the queued edits are made on. */
  rows: RowRecord[]
}

/** A record that could not be read, out of the way. */
export interface DamagedRecord {
  id: string
  /** Where it was. */
  store: string
  key: unknown
  /** What is left of it. */
  content: unknown
  /** RFC 3339; when it was found. */
  at: string
}

/** The key of a row that had a stand-in before. */
export interface AliasRecord {
  /** The stand-in, as text. */
  local: string
  table: string
  remote: string | number
}

/** Record types by store. */
export interface Records {
  meta: DeviceRecord | IdentityRecord | CursorRecord | ParkedRecord | HistoryRecord
  rows: RowRecord
  queue: QueuedEdit
  failed: FailedEdit
  damaged: DamagedRecord
  aliases: AliasRecord
}

export type StoreName = keyof Records

/** Primary keys by store. */
export interface Keys {
  meta: 'device' | 'identity' | 'cursor' | 'history' | ParkedRecord['name']
  rows: readonly [table: string, id: string]
  queue: number
  failed: number
  damaged: string
  aliases: string
}

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
