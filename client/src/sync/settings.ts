import type { BatchLimits } from '../database/batch.ts'
import type { PruneRule } from '../database/prune.ts'
import type { DeviceInfo } from '../model/records.ts'
import type { Plan } from '../model/schedule.ts'
import type { StorageLimit } from '../model/storage-limit.ts'
import type { Validate } from '../model/validate.ts'
import type { AppState } from '../platform/app-state.ts'
import type { Battery } from '../platform/battery.ts'
import type { Network } from '../platform/network.ts'
import type { SyncStorage } from '../storage/contract.ts'
import type { Account } from '../transport/account.ts'
import type { Backoff } from '../transport/backoff.ts'
import type { Connection } from '../transport/connection.ts'
import type { Pokes } from '../transport/pokes.ts'
import type { Transport } from '../transport/transport.ts'
import type { Clock } from '../util/clock.ts'
import type { NewId } from '../util/uuid.ts'

/** A table to sync, with its options. */
export interface TableSettings<Name extends string = string> extends PruneRule {
  name: Name
  /** Column of the primary key. Default `id`. */
  key?: string
  /**
   * The key is an identity or serial column. A row that is inserted on this device has a negative number as a
   * temporary id until its first push, when it gets the server's key.
   */
  serverKey?: boolean
  /** Columns that stay on this device: they are never sent, and a pull does not change them. */
  local?: readonly string[]
  /** The most rows to keep, those that changed last; rows with queued edits always stay. Default: all. */
  maxRecords?: number
  /** Leaves the table out of syncs that do not name it. A function decides at each sync, e.g. by the network's type. */
  skip?: boolean | ((network: Network) => boolean)
  /**
   * Whether syncs of mode `realtime` include the table. Default true; with false its changes come with the next sync
   * that starts for another reason.
   */
  realtime?: boolean
  /** Checks that a row must pass before it is written on this device. */
  validate?: Validate
}

/** The app's options, with every default filled in. */
export interface Settings {
  tables: ReadonlyMap<string, TableSettings>
  /** The column that is the primary key, by table. */
  keys: ReadonlyMap<string, string>
  /** Tables whose key the server makes. */
  serverKeys: ReadonlySet<string>
  /** The tables of a run that names none. */
  unskipped(): string[]
  /** An update of a row that is missing, on this device or on the server, inserts it. */
  createMissing: boolean
  /** How the app describes this device. */
  device: DeviceInfo
  verifyAfterSync: boolean
  storage: SyncStorage
  storageLimit: Required<StorageLimit>
  plan: Plan
  /** Absent: Realtime of the connected project. */
  pokes: Pokes | undefined
  connection: Connection
  account: Account
  transport: Transport
  batch: BatchLimits
  pageSize: number
  backoff: Backoff
  /** Milliseconds that one request may take. */
  timeout: number
  network: Network
  /** Absent: the browser's. */
  battery: Battery | undefined
  appState: AppState | undefined
  clock: Clock
  newId: NewId
}
