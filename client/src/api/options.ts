import type { BatchLimits } from '../database/batch.ts'
import { ValidationError } from '../model/errors.ts'
import type { DeviceInfo } from '../model/records.ts'
import type { Intervals, Mode } from '../model/schedule.ts'
import { defaultStorageLimit, type StorageLimit } from '../model/storage-limit.ts'
import type { AppState } from '../platform/app-state.ts'
import type { Battery } from '../platform/battery.ts'
import { browserNetwork, type Network } from '../platform/network.ts'
import type { TabsOptions } from '../platform/tabs.ts'
import type { SyncStorage } from '../storage/contract.ts'
import { memoryStorage } from '../storage/memory.ts'
import type { Settings, TableSettings } from '../sync/settings.ts'
import { type Backoff, defaultBackoff } from '../transport/backoff.ts'
import { createConnection } from '../transport/connection.ts'
import type { Metric } from '../transport/metrics.ts'
import { withMetrics } from '../transport/metrics.ts'
import type { Pokes } from '../transport/pokes.ts'
import type { SupabaseLike } from '../transport/supabase.ts'
import type { Transport } from '../transport/transport.ts'
import { type Clock, systemClock } from '../util/clock.ts'
import { type NewId, uuid } from '../util/uuid.ts'
import type { Callbacks } from './callbacks.ts'

/** In which direction rows and edits are synced. */
export type Direction = 'both' | 'push-only' | 'pull-only'

/** A table by name, or with its options. */
export type TableOption<Name extends string = string> = Name | TableSettings<Name>

/** Options of `createSync`. Times are in milliseconds. */
export interface SyncOptions<Name extends string = string> extends Callbacks {
  /**
   * The app's supabase-js client, whose session is the user who syncs. Absent: everything works on this device alone,
   * until `sync.provider.connect(supabase)`.
   */
  supabase?: SupabaseLike | undefined
  /** Tables to sync, each registered with `tidemark.add_table`. Outside of `public`: `schema.table`. */
  tables: readonly TableOption<Name>[]
  /** Where rows and edits are stored. Default: in memory. */
  storage?: SyncStorage
  /** How much may be stored, and what happens above the limit. Default: the event `storage_limit` above 50 MB. */
  storageLimit?: StorageLimit
  /** When syncs start by themselves, after `ready()` or `start()`. Default `manual`: never. */
  mode?: Mode | readonly Mode[]
  /** The direction of `sync()`, and of syncs that start by themselves. Default `both`. */
  direction?: Direction
  /** `functions` (default): uses the edge function `sync` where it is deployed. `rpc`: uses only RPCs. */
  transport?: 'functions' | 'rpc' | Transport
  /** Sends pushes compressed, through the edge functions: for slow or metered uplinks. Default false. */
  compress?: boolean
  /** The limits of one push request. Default 2,000 edits and 1,000,000 characters. */
  batch?: Partial<BatchLimits>
  /** Rows in one page of a pull, 1 to 10,000. Default 5,000. */
  pageSize?: number
  /** Retries of a request. Default 5, from 1 s, doubling up to 30 s. */
  backoff?: Partial<Backoff>
  /** How long one request may take. Default 60,000. */
  timeout?: number
  /** Time without another edit before a sync starts in mode `auto`. Default 500. */
  debounce?: number
  /** Time between syncs in mode `periodic`. Default 30 s, 5 min in the background, 15 min on a low battery. */
  interval?: number | Partial<Intervals>
  /** Compares rows with the server's after each sync, and fetches those that differ. Default false. */
  verifyAfterSync?: boolean
  /**
   * What happens to an update of a row that is missing on this device or on the server: it is rejected (default), or
   * it inserts the row with the known columns. `create` can bring back a row that was removed long ago.
   */
  whenMissing?: 'reject' | 'create'
  /** Pokes for mode `realtime`. Default: Supabase Realtime. */
  pokes?: Pokes
  /** The state of the network. Default: the browser's. */
  network?: Network
  /** The state of the battery. Default: the browser's. */
  battery?: Battery
  /** Whether the app is active. Default: whether the page is visible. */
  appState?: AppState
  /** Locks and channel of tabs that share a store. Default: Web Locks and a BroadcastChannel. */
  tabs?: TabsOptions
  /** How this device is described in the user's list of devices. */
  device?: DeviceInfo
  /** Called after each request, with its duration and outcome. */
  metrics?: (metric: Metric) => void
  clock?: Clock
  /** Makes ids of devices and rows. Default: UUIDs that sort by creation time. */
  newId?: NewId
}

/** The options with all defaults. Throws a `ValidationError` (`no_tables`) where no table is named. */
export function resolveSettings(options: SyncOptions): Settings {
  const { clock = systemClock, network = browserNetwork, mode = 'manual', metrics } = options
  const tables = options.tables.map((table) =>
    typeof table === 'string' ? { name: table } : table,
  )
  if (tables.length === 0)
    throw new ValidationError({
      code: 'no_tables',
      message: 'No tables are named.',
      hint: "Name the tables to sync: createSync({ tables: ['…'] }).",
    })
  const connection = createConnection(options, clock)
  const { account, transport } = connection
  return {
    tables: new Map(tables.map((table) => [table.name, table])),
    keys: new Map(tables.map(({ name, key = 'id' }) => [name, key])),
    serverKeys: new Set(tables.filter((table) => table.serverKey).map(({ name }) => name)),
    unskipped: () =>
      tables
        .filter(({ skip }) => !(typeof skip === 'function' ? skip(network) : skip))
        .map(({ name }) => name),
    createMissing: options.whenMissing === 'create',
    device: options.device ?? {},
    verifyAfterSync: options.verifyAfterSync ?? false,
    storage: options.storage ?? memoryStorage(),
    storageLimit: { ...defaultStorageLimit, ...options.storageLimit },
    plan: {
      modes: [mode].flat(),
      debounce: options.debounce ?? 500,
      interval: options.interval,
    },
    pokes: options.pokes,
    connection,
    account,
    transport: metrics ? withMetrics(transport, metrics) : transport,
    batch: { mutations: 2_000, bytes: 1_000_000, ...options.batch },
    pageSize: options.pageSize ?? 5_000,
    backoff: { ...defaultBackoff, ...options.backoff },
    timeout: options.timeout ?? 60_000,
    network,
    battery: options.battery,
    appState: options.appState,
    clock,
    newId: options.newId ?? uuid,
  }
}
