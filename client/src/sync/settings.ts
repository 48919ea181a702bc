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

/** A table to sync, with what the app says of it. */
export interface TableSettings<Name extends string = string> extends PruneRule {
  name: Name
  /** Its primary key. Default `id`. */
  key?: string
  /**
   * Its key is an identity or serial column: a row made here has a negative number for it until its
   * first push, when it gets the server's.
   */
  serverKey?: boolean
  /** Columns that stay on this device: they are never sent, and pulled rows do not change them. */
  local?: readonly string[]
  /** Keep only so many rows, those that changed last; rows with queued mutations always stay. Default: all. */
  maxRecords?: number
  /** Leave it out of syncs that do not name it; a function is asked at each, e.g. for the network's type. */
  skip?: boolean | ((network: Network) => boolean)
  /**
   * Whether syncs of mode `realtime` cover it. Default true; otherwise its changes come with the next sync
   * that starts for another reason.
   */
  realtime?: boolean
  /** What its rows must pass before they are written here. */
  validate?: Validate
}

/** The app's options, with every default filled in. */
export interface Settings {
  tables: ReadonlyMap<string, TableSettings>
  /** The column that is the primary key, by table. */
  keys: ReadonlyMap<string, string>
  /** Tables whose key the server makes. */
  serverKeys: ReadonlySet<string>
  /** Tables that a run covers which names none. */
  unskipped(): string[]
  /** An update of a row that is missing, here or on the server, inserts it. */
  createMissing: boolean
  /** How the app describes this device. */
  device: DeviceInfo
  verifyAfterSync: boolean
  storage: SyncStorage
  storageLimit: Required<StorageLimit>
  plan: Plan
  /** Absent: those of the connection's project. */
  pokes: Pokes | undefined
  connection: Connection
  account: Account
  transport: Transport
  batch: BatchLimits
  pageSize: number
  backoff: Backoff
  timeout: number
  network: Network
  /** Absent: what the browser says. */
  battery: Battery | undefined
  appState: AppState | undefined
  clock: Clock
  newId: NewId
}
