/**
 * What a device stores: rows, queued and rejected mutations, and records about the device, the cursor and the
 * history of runs.
 *
 * The states of a mutation:
 *
 * | state | store | meaning |
 * | --- | --- | --- |
 * | pending | `queue` | `seq` above `DeviceRecord.sentSeq`: not sent; it may be squashed or reordered |
 * | in flight | `queue` | `seq` up to `sentSeq`: sent and not answered; it is sent again unchanged |
 * | acknowledged | none | the server has answered without an error; only `DeviceRecord.completed` counts it |
 * | rejected | `failed` | the server has answered with an error |
 *
 * | state | event | next state |
 * | --- | --- | --- |
 * | none | the app writes (`enqueue`) | pending |
 * | pending | the app writes to the same row (`squash`) | pending, as one mutation; an insert and a removal cancel |
 * | pending | a push takes it into a batch (`nextBatch`) | in flight |
 * | in flight | a response without an error (`applyPushResponse`) | acknowledged |
 * | in flight | a response with an error (`applyPushResponse`, `splitInFlight`) | rejected |
 * | in flight | the device takes a new id (`withNewDeviceId`) | pending |
 * | rejected | `queue.retryFailed` | pending, with a new `seq` |
 * | pending, in flight or rejected | `queue.clear`; for rejected ones also `queue.clearFailed` | discarded |
 */
import type { HistoryRecord } from './history.ts'
import type { Row } from './row.ts'
import type { Cursor, Mutation, ResultError } from './wire.ts'

/** A row as the device stores it. */
export interface RowRecord {
  table: string
  /** Primary key as text. */
  id: string
  /** The row that the app sees, without the columns in `local`; null where a queued mutation removes it. */
  row: Row | null
  /** Version of the server's row that this record is based on; null where the server's row is not known. */
  version: number | null
  /** Scope under which a page delivered the row; absent until a page does. */
  scope?: string
  /** Number of the resync that last delivered the row, see `CursorRecord`. */
  resyncGeneration?: number
  /** Values of columns that are never sent; the app sees them on top of `row`. */
  local?: Row
  /** Number of queued mutations of this row. Absent means 0. */
  queued?: number
  /** The server's row without the queued mutations; null where the server has none. Only with `queued`. */
  base?: Row | null
}

/** A mutation that the server has not answered: pending or in flight. */
export interface QueuedMutation {
  /** Position in the queue. Together with the device id it identifies the mutation on the server. */
  seq: number
  table: string
  op: Mutation['op']
  id: string
  /** Base version: the row version that the mutation was made on; null where this device created the row. */
  base: number | null
  /** The new row (`put`) or its changed columns (`patch`). */
  data?: Row
  /** The changed columns' values before the mutation (`patch`). */
  old?: Row
  /** RFC 3339, device clock. */
  edited_at: string
  /** Number of characters of `data` and `old` as JSON; limits the size of a batch. */
  size: number
  /** Priority as a number: lower ranks are sent first. Absent means 0. */
  rank?: number
  /** Checksum of `seq` and content, made when the mutation was stored. */
  checksum?: string
}

/** A rejected mutation, kept with its content and the reason. */
export interface FailedMutation extends QueuedMutation {
  error: ResultError
  /** How often the mutation was sent. */
  attempts: number
  /** RFC 3339. */
  failed_at: string
}

/**
 * The batch that was sent and not answered. After a lost response the same batch is sent again unchanged.
 *
 * | state | event | next state |
 * | --- | --- | --- |
 * | none | `nextBatch` takes mutations | in flight, `attempts: 1` |
 * | in flight | no response, or an error that a retry may solve | in flight, `attempts + 1`, with `error` |
 * | in flight | the server cannot take the whole batch, and it has several mutations | in flight, first half |
 * | in flight | the server cannot read its only mutation, or it is too large | none, the mutation is rejected |
 * | in flight | response | none, every mutation is acknowledged or rejected |
 * | in flight | the device takes a new id | none, every mutation is pending |
 */
export interface InFlightBatch {
  /** The last `seq` of the batch, which holds every queued mutation up to this one. */
  lastSeq: number
  /** `sentSeq` before this batch: mutations above it were first sent with this batch. */
  previousSeq: number
  /** The name of the larger batch that this one is a part of; the server may have applied that one already. */
  batchId?: string
  /** How often the batch was sent. */
  attempts: number
  /** RFC 3339; when the batch was last sent. */
  at: string
  /** Why the last request failed, where it is known to have failed. */
  error?: { code: string; message: string }
}

/** How users and operators recognise a device. */
export interface DeviceInfo {
  name?: string
  /** E.g. `iOS 19`, `Firefox on Linux`. */
  platform?: string
  /** Version of the app. */
  client_version?: string
}

/** This device: its id, its owner and the state of its queue. */
export interface DeviceRecord {
  name: 'device'
  /** The device id, made on first use. */
  id: string
  /** The owner: the user whose rows the store holds; null until a user has signed in. */
  user: string | null
  /** How often the store was emptied for another owner. Absent means 0. */
  ownerGeneration?: number
  /** How the device describes itself to the server. */
  info?: DeviceInfo
  /** The last `seq` that was assigned to a mutation. */
  seq: number
  /** The highest `seq` that was sent. Mutations up to it are frozen, since the server may have them. */
  sentSeq: number
  /** Number of acknowledged mutations since the count was last cleared. */
  completed: number
  /** Times of acknowledgement, oldest first: milliseconds since 1970, and how many. Old ones are combined. */
  completions?: readonly (readonly [at: number, count: number])[]
  inFlight?: InFlightBatch
  /** The highest (least urgent) rank that was queued since the queue was last empty. Absent means 0. */
  lowestPriority?: number
  /** True where a more urgent mutation is queued behind a less urgent one. */
  needsReorder?: boolean
}

/** A second copy of the device id and the owner, from which a damaged `DeviceRecord` is restored. */
export interface IdentityRecord extends Pick<DeviceRecord, 'id' | 'user'> {
  name: 'identity'
}

/** The cursor: the device's position in the server's log. */
export interface CursorRecord {
  name: 'cursor'
  cursor: Cursor | null
  /** Number of pages applied. A page is applied only where the number is still that of its request. */
  pages: number
  /** Scopes that the device has joined and not left. */
  scopes?: readonly string[]
  /** Number of resyncs. Absent means 0. */
  resyncGeneration?: number
  /** Tables that are being resynced: rows that the resync has not delivered when it ends are dropped. */
  resyncingTables?: readonly string[]
  /** Pruned tables: they hold fewer rows than the server has for this device. */
  pruned?: Readonly<Record<string, PruneBounds>>
}

/** The limit for which rows of a table were dropped. */
export interface PruneBounds {
  /** The table's `maxRecords`. */
  records?: number
  /** The `storageLimit` in bytes, with policy `prune`. */
  bytes?: number
}

/** Unsent mutations of a user who has signed out, kept until the same user signs in again. */
export interface DetachedAccountRecord {
  name: `detached:${string}`
  /** The device record at sign-out; the device id and the `seq` numbers are used again. */
  device: DeviceRecord
  queue: QueuedMutation[]
  failed: FailedMutation[]
  /** The rows of the queued mutations. */
  rows: RowRecord[]
}

/** A damaged record that was moved out of its store. */
export interface DamagedRecord {
  id: string
  /** The store that held the record. */
  store: string
  key: unknown
  /** What the storage still had of the record. */
  content: unknown
  /** RFC 3339; when the damage was found. */
  at: string
}

/** The server's key of a row that had a temporary id before. */
export interface AliasRecord {
  /** The temporary id, as text. */
  local: string
  table: string
  /** The server's key. */
  remote: string | number
}

/** Record types by store. */
export interface Records {
  meta: DeviceRecord | IdentityRecord | CursorRecord | DetachedAccountRecord | HistoryRecord
  rows: RowRecord
  queue: QueuedMutation
  failed: FailedMutation
  damaged: DamagedRecord
  aliases: AliasRecord
}

export type StoreName = keyof Records

/** Primary keys by store. */
export interface Keys {
  meta: 'device' | 'identity' | 'cursor' | 'history' | DetachedAccountRecord['name']
  rows: readonly [table: string, id: string]
  queue: number
  failed: number
  damaged: string
  aliases: string
}
