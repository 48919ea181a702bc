import type { SyncEvents } from '../model/events.ts'
import type { RunOptions, SyncReport } from '../model/report.ts'
import type { Intervals, Mode } from '../model/schedule.ts'
import type { SyncStatus } from '../model/status.ts'
import type { Listener } from '../util/emitter.ts'
import type { Conflicts } from './conflicts/conflicts.ts'
import type { Damaged } from './damaged.ts'
import type { Devices } from './devices.ts'
import type { Health } from './health.ts'
import type { Direction } from './options.ts'
import type { Provider } from './provider.ts'
import type { Queue } from './queue.ts'
import type { SignedOut, SignOutOptions } from './sign-out.ts'
import type { SyncStats } from './stats.ts'
import type { Table } from './table.ts'
import type { WaitOptions } from './wait-for-sync.ts'

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

/** A device's rows, its queue of edits, and the way both meet the server's. */
export interface Sync<DB = unknown> {
  /** Opens the store, and begins what `mode` asks for. Everything else waits for the store by itself. */
  ready(): Promise<void>
  /** A table by name. Throws a `ValidationError` (`unknown_table`) where `createSync` was not told of it. */
  table<Name extends TableName<DB>>(name: Name): TableOf<DB, Name>
  /**
   * Sends the edits made so far and fetches what is new. Rejects with a `SyncError` when that could not
   * be done in spite of retries; the queue then keeps what was not sent. A call during a run follows it.
   * With `direction: 'push-only'` or `'pull-only'` it is half of that.
   */
  sync(options?: RunOptions): Promise<SyncReport>
  /** The sending half of `sync`. */
  push(options?: RunOptions): Promise<SyncReport>
  /** The fetching half of `sync`. */
  pull(options?: RunOptions): Promise<SyncReport>
  /** One way up: what was written here before there was anybody to send it to. Fetches nothing. */
  seed(options?: RunOptions): Promise<SyncReport>
  /** One way down: what a new device has to fetch. Sends nothing. */
  hydrate(options?: RunOptions): Promise<SyncReport>
  /** Puts refused edits back, syncs both ways whatever `direction` says, and verifies the outcome. */
  forceSyncAll(options?: RunOptions): Promise<SyncReport>
  /**
   * Resolves when the edits made so far are on the server and everything committed there before is here;
   * waits for the network as long as that takes. Rejects where waiting does not help: nobody is signed
   * in, or the server refused an edit (`rejected`).
   */
  waitForSync(options?: WaitOptions): Promise<SyncReport>
  /**
   * Forgets this user's rows, for whoever signs in next; call it before `supabase.auth.signOut()`. A run
   * that is under way, here or in another tab, ends with an `AuthError` (`not_signed_in`). Where edits have
   * not been sent, `unsent` says what becomes of them: without it the call rejects with a `ConflictError`
   * (`unsent_edits`).
   */
  signOut(options?: SignOutOptions): Promise<SignedOut>
  /**
   * Gives a device that was revoked a new identity, when the app says so. What waits is sent again under
   * the new one, also what may have arrived under the old one.
   */
  renewDevice(): Promise<void>
  /** Changes when and which way syncs run by themselves, at once. */
  configure(changes: {
    mode?: Mode | readonly Mode[]
    debounce?: number
    interval?: number | Partial<Intervals>
    direction?: Direction
  }): void
  /** Begins what `mode` asks for. */
  start(): void
  /** Ends what `start` began; a sync that is running is completed. */
  stop(): void
  /** Calls `fn` at every event of that name. Returns what ends it. */
  on<Name extends keyof SyncEvents>(event: Name, fn: Listener<SyncEvents[Name]>): () => void
  readonly queue: Queue
  /** Stored records that could not be read. They are out of the way; the rest goes on. */
  readonly damaged: Damaged
  readonly conflicts: Conflicts
  readonly devices: Devices
  readonly provider: Provider
  status(): SyncStatus
  /** Figures of the queue and of all runs so far. */
  stats(): Promise<SyncStats>
  /** How each part is; asks the server. Never rejects. */
  health(): Promise<Health>
  /** Stops, ends a sync that is running, and closes the store. What is stored stays. */
  close(): Promise<void>
}
