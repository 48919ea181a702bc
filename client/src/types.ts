import type { SyncError } from './errors.ts'
import type { Listener, SyncEvents, SyncReport } from './events.ts'
import type { Queue } from './queue.ts'
import type { Table } from './table.ts'

/** Tables of a `Database` type as `supabase gen types typescript` writes it. */
type Tables<DB> = DB extends { public: { Tables: infer T } } ? T : never

/** Names that `createSync` takes: those of the generated type, or any without one. */
export type TableName<DB> = [Tables<DB>] extends [never] ? string : keyof Tables<DB> & string

/** A table typed by its generated `Row`, `Insert` and `Update`; columns of unknown type without them. */
export type TableOf<DB, Name> = [Tables<DB>] extends [never]
  ? Table
  : Name extends keyof Tables<DB>
    ? Tables<DB>[Name] extends { Row: infer R; Insert: infer I; Update: infer U }
      ? Table<R, I, U>
      : Table
    : Table

/** How things stand with a sync, at a glance. Times in milliseconds since 1970. */
export interface SyncStatus {
  state: 'idle' | 'syncing'
  online: boolean
  /** Edits that the server has not answered. */
  pending: number
  /** Edits that the server refused. */
  failed: number
  lastSync: { at: number; report: SyncReport } | null
  /** What the last sync failed with; null where it succeeded. */
  lastError: SyncError | null
  /** When the next sync is planned; null where none is. */
  nextSync: number | null
}

/** A device's rows, its queue of edits, and the way both meet the server's. */
export interface Sync<DB = unknown> {
  /** Opens the store, and begins what `mode` asks for. Everything else waits for the store by itself. */
  ready(): Promise<void>
  /** A table by name. Throws a `ValidationError` (`unknown_table`) where `createSync` was not told of it. */
  table<Name extends TableName<DB>>(name: Name): TableOf<DB, Name>
  /**
   * Sends the edits made so far and fetches what is new. Rejects with a `SyncError` when that could not
   * be done in spite of retries; the queue then keeps what was not sent. A call during a run follows it.
   */
  sync(): Promise<SyncReport>
  /** The sending half of `sync`. */
  push(): Promise<SyncReport>
  /** The fetching half of `sync`. */
  pull(): Promise<SyncReport>
  /** Begins what `mode` asks for. */
  start(): void
  /** Ends what `start` began; a sync that is running is completed. */
  stop(): void
  /** Calls `fn` at every event of that name. Returns what ends it. */
  on<Name extends keyof SyncEvents>(event: Name, fn: Listener<SyncEvents[Name]>): () => void
  readonly queue: Queue
  status(): SyncStatus
  /** Stops, ends a sync that is running, and closes the store. What is stored stays. */
  close(): Promise<void>
}
