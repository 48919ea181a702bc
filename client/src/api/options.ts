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
import { measured } from '../transport/metrics.ts'
import type { Pokes } from '../transport/pokes.ts'
import type { SupabaseLike } from '../transport/supabase.ts'
import type { Transport } from '../transport/transport.ts'
import { type Clock, systemClock } from '../util/clock.ts'
import { type NewId, uuid } from '../util/uuid.ts'
import type { Callbacks } from './callbacks.ts'

/** Which way rows and edits go. */
export type Direction = 'both' | 'push-only' | 'pull-only'

/** A table by name, or with what is to be said about it. */
export type TableOption<Name extends string = string> = Name | TableSettings<Name>

/** What `createSync` takes. Times in milliseconds. */
export interface SyncOptions<Name extends string = string> extends Callbacks {
  /**
   * The app's own supabase-js client: its session decides who is syncing. Absent: everything works on
   * this device alone, until `sync.provider.connect(supabase)`.
   */
  supabase?: SupabaseLike | undefined
  /** Tables to sync; each must have been given to `tidemark.add_table`. `schema.table` outside `public`. */
  tables: readonly TableOption<Name>[]
  /** Where rows and edits are kept. Default: in memory. */
  storage?: SyncStorage
  /** How much may be stored, and what happens beyond. Default: a warning from 50 MB on. */
  storageLimit?: StorageLimit
  /** When to sync without being asked. Default `manual`. Anything else begins with `ready()` or `start()`. */
  mode?: Mode | readonly Mode[]
  /** What `sync()` does, and what runs by itself. Default `both`. */
  direction?: Direction
  /** `functions` (default): the edge function `sync` where it is deployed. `rpc`: never. Or your own. */
  transport?: 'functions' | 'rpc' | Transport
  /** Compresses bulk too, which then goes through the functions: for slow or metered uplinks. Default false. */
  compress?: boolean
  /** The most that one push carries. Default 2,000 edits and 1,000,000 characters. */
  batch?: Partial<BatchLimits>
  /** Rows in one page of a pull, 1 to 10,000. Default 5,000. */
  pageSize?: number
  /** Retries of a request. Default 5, from 1 s, doubling up to 30 s. */
  backoff?: Partial<Backoff>
  /** How long one request may take. Default 60,000. */
  timeout?: number
  /** Quiet time after an edit in mode `auto`. Default 500. */
  debounce?: number
  /** Pause between syncs in mode `periodic`: 30 s, 5 min in the background, 15 min on a low battery. */
  interval?: number | Partial<Intervals>
  /** Compares rows with the server's after each sync, and heals what differs. Default false. */
  verifyAfterSync?: boolean
  /**
   * What an update of a row becomes that is not there, here or on the server: refused (default), or the row
   * itself with what is known of it. `create` can bring back a row that somebody removed long ago.
   */
  whenMissing?: 'reject' | 'create'
  /** Says when there is news, for mode `realtime`. Default: Supabase Realtime. */
  pokes?: Pokes
  /** Whether there is a connection, and of what kind. Default: what the browser says. */
  network?: Network
  /** How much power is left. Default: what the browser says. */
  battery?: Battery
  /** Whether somebody is looking at the app. Default: whether the page is visible. */
  appState?: AppState
  /** How tabs that share a store take turns and hear of each other. Default: Web Locks and a BroadcastChannel. */
  tabs?: TabsOptions
  /** How the user knows this device among theirs. */
  device?: DeviceInfo
  /** Told of each request, with its time and outcome. */
  metrics?: (metric: Metric) => void
  clock?: Clock
  /** Makes the ids of devices and rows. Default: UUIDs that sort by time of creation. */
  newId?: NewId
}

/** Fills in every default. Throws a `ValidationError` (`no_tables`) where no table is named. */
export function resolveSettings(options: SyncOptions): Settings {
  const { clock = systemClock, network = browserNetwork, mode = 'manual', metrics } = options
  const named = options.tables.map((table) => (typeof table === 'string' ? { name: table } : table))
  if (named.length === 0)
    throw new ValidationError({
      code: 'no_tables',
      message: 'Name the tables to sync: tables: [...].',
    })
  const connection = createConnection(options, clock)
  const { account, transport } = connection
  return {
    tables: new Map(named.map((table) => [table.name, table])),
    keys: new Map(named.map(({ name, key = 'id' }) => [name, key])),
    serverKeys: new Set(named.filter((table) => table.serverKey).map(({ name }) => name)),
    unskipped: () =>
      named
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
    transport: metrics ? measured(transport, metrics) : transport,
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
