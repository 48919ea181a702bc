/**
 * What a device stores: rows, queued and rejected mutations, and what it knows of itself and of the server's log.
 */
import type { HistoryRecord } from './history.ts'
import type { Row } from './row.ts'
import type { Cursor, Mutation, ResultError } from './wire.ts'

/** A row as the device holds it. */
export interface RowRecord {
  table: string
  /** Primary key as text. */
  id: string
  /** What the app sees but for `local`; null where a queued mutation removes the row. */
  row: Row | null
  /** Version of the server's row that the device knows; null while it knows none. */
  version: number | null
  /** Scope that the row came with; absent until the server has named it. */
  scope?: string
  /** The sweep that last met it, see `CursorRecord`. */
  resyncGeneration?: number
  /** Values of columns that stay on this device; the app sees them on top of `row`. */
  local?: Row
  /** Queued mutations of this row. Absent means none. */
  queued?: number
  /** The server's row under the queued mutations; null where it has none. Only with `mutations`. */
  base?: Row | null
}

/** A mutation that the server has not answered. */
export interface QueuedMutation {
  /** Place in the queue; what the server knows the mutation by, together with the device's id. */
  seq: number
  table: string
  op: Mutation['op']
  id: string
  /** Row version the mutation was made on; null: this device created the row. */
  base: number | null
  /** The new row (`put`) or its changed columns (`patch`). */
  data?: Row
  /** The changed columns' values before the mutation (`patch`). */
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

/** A mutation that the server refused, kept with its content and the reason. */
export interface FailedMutation extends QueuedMutation {
  error: ResultError
  /** How often it had been sent. */
  attempts: number
  /** RFC 3339. */
  failed_at: string
}

/** The batch that is with the server, or was when the answer got lost: it is sent again exactly as it was. */
export interface InFlightBatch {
  /** Its last `seq`; it holds every queued mutation up to there. */
  lastSeq: number
  /** What had been sent before: mutations above this `seq` went out for the first time. */
  previousSeq: number
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
  ownerGeneration?: number
  /** What the server is told of it. */
  info?: DeviceInfo
  /** The last `seq` given to a mutation. */
  seq: number
  /** The highest `seq` ever sent: mutations up to there are frozen, since the server may have them. */
  sentSeq: number
  /** Mutations confirmed since the count was last cleared. */
  completed: number
  /** When they were: milliseconds since 1970 and how many, oldest first. The oldest may be rounded up. */
  completions?: readonly (readonly [at: number, count: number])[]
  inFlight?: InFlightBatch
  /** The least urgent rank that was queued since the queue was last empty. Absent means 0. */
  lowestPriority?: number
  /** True where a more urgent mutation waits behind a less urgent one. */
  needsReorder?: boolean
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
  resyncGeneration?: number
  /** Tables for which that is still under way: rows that it has not met when it ends are gone. */
  resyncingTables?: readonly string[]
  /** Tables that hold fewer rows than the server has for this device, on purpose, and why. */
  pruned?: Readonly<Record<string, PruneBounds>>
}

/** What a table was held to when rows of it were dropped. */
export interface PruneBounds {
  /** Its `maxRecords`. */
  records?: number
  /** The limit of all that is stored, where that prunes. */
  bytes?: number
}

/** Mutations of an account that has signed out here, kept until it signs in again. */
export interface DetachedAccountRecord {
  name: `detached:${string}`
  /** Who the device was to the server; it goes on under that name and its numbers. */
  device: DeviceRecord
  queue: QueuedMutation[]
  failed: FailedMutation[]
  /** The rows that the queued mutations are made on. */
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
