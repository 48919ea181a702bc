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

/** The tables of a `Database` type that `supabase gen types typescript` has generated. */
type Tables<DB> = DB extends { public: { Tables: infer T } } ? T : never

/** Table names: those of the generated type, or any name without one. */
export type TableName<DB> = [Tables<DB>] extends [never] ? string : keyof Tables<DB> & string

/** A table with its generated types `Row`, `Insert` and `Update`; without them, columns are of type unknown. */
export type TableOf<DB, Name> = [Tables<DB>] extends [never]
  ? Table
  : Name extends keyof Tables<DB>
    ? Tables<DB>[Name] extends { Row: infer R; Insert: infer I; Update: infer U }
      ? Table<R, I, U>
      : Table
    : Table

/** The local tables and the queue of a device, and their sync with the server. */
export interface Sync<DB = unknown> {
  /** Opens the store and starts syncs as `mode` says. Other calls open the store by themselves. */
  ready(): Promise<void>
  /** A table by name. Throws a `ValidationError` (`unknown_table`) where it is not in the option `tables`. */
  table<Name extends TableName<DB>>(name: Name): TableOf<DB, Name>
  /**
   * Pushes the queued edits, then pulls changed rows. Rejects with a `SyncError` where that fails in spite of retries;
   * edits that were not sent stay queued. A call during a run waits for its end. With `direction: 'push-only'` or
   * `'pull-only'` only pushes or pulls.
   */
  sync(options?: RunOptions): Promise<SyncReport>
  /** Pushes the queued edits. */
  push(options?: RunOptions): Promise<SyncReport>
  /** Pulls changed rows. */
  pull(options?: RunOptions): Promise<SyncReport>
  /** Pushes edits that were made before a project was connected; does not pull. */
  seed(options?: RunOptions): Promise<SyncReport>
  /** Pulls the rows of a new device (initial sync); does not push. */
  hydrate(options?: RunOptions): Promise<SyncReport>
  /** Retries rejected edits, syncs both ways whatever `direction` is, and verifies the rows. */
  forceSyncAll(options?: RunOptions): Promise<SyncReport>
  /**
   * Resolves when the queued edits are on the server and the rows that were committed there before are on this
   * device; waits for the network until then. Rejects where waiting does not help: no user is signed in, or the
   * server rejected an edit (`rejected`).
   */
  waitForSync(options?: WaitOptions): Promise<SyncReport>
  /**
   * Removes the user's rows from this device; call it before `supabase.auth.signOut()`. A run in this or another tab
   * ends with an `AuthError` (`not_signed_in`). Where edits are unsent, `unsent` says what happens to them; without it
   * the call rejects with a `ConflictError` (`unsent_edits`).
   */
  signOut(options?: SignOutOptions): Promise<SignedOut>
  /**
   * Gives a revoked device a new device id. Queued edits are sent again under the new id, including those that the
   * server may have received under the old id.
   */
  renewDevice(): Promise<void>
  /** Changes at once when syncs start by themselves, and their direction. */
  configure(changes: {
    mode?: Mode | readonly Mode[]
    debounce?: number
    interval?: number | Partial<Intervals>
    direction?: Direction
  }): void
  /** Starts syncs as `mode` says. */
  start(): void
  /** Starts no more syncs; a running sync is completed. */
  stop(): void
  /** Calls `fn` at every event of that name. Returns an unsubscribe function. */
  on<Name extends keyof SyncEvents>(event: Name, fn: Listener<SyncEvents[Name]>): () => void
  readonly queue: Queue
  /** Stored records that could not be read. They do not block other records. */
  readonly damaged: Damaged
  readonly conflicts: Conflicts
  readonly devices: Devices
  readonly provider: Provider
  status(): SyncStatus
  /** Statistics of the queue and of all runs. */
  stats(): Promise<SyncStats>
  /** Checks each part, including the server. Never rejects. */
  health(): Promise<Health>
  /** Stops, aborts a running sync and closes the store. Stored data stays. */
  close(): Promise<void>
}
