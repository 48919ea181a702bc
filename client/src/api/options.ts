import type { Account, AuthLike } from '../transport/account.ts'
import type { AppState } from '../platform/app-state.ts'
import { type Backoff, defaultBackoff } from '../transport/backoff.ts'
import type { Battery } from '../platform/battery.ts'
import { type Clock, systemClock } from '../util/clock.ts'
import { ValidationError } from '../model/errors.ts'
import { type NewId, uuid } from '../util/uuid.ts'
import { browserNetwork, type Network } from '../platform/network.ts'
import type { StorageLimit } from '../database/capacity.ts'
import type { Callbacks } from './callbacks.ts'
import type { Metric } from '../transport/metrics.ts'
import type { TablePriority } from '../model/priority.ts'
import { later } from '../util/part.ts'
import { type Connection, createConnection } from '../transport/connection.ts'
import type { BatchLimits } from '../database/batch.ts'
import type { Plan } from '../schedule/plan.ts'
import type { Intervals, Mode, Pokes } from '../schedule/scheduler.ts'
import type { DeviceInfo, SyncStorage } from '../storage/contract.ts'
import type { TabsOptions } from '../platform/tabs.ts'
import { memoryStorage } from '../storage/memory.ts'
import type { Transport } from '../transport/transport.ts'
import type { Validate } from '../model/validate.ts'

/** Which way rows and edits go. */
export type Direction = 'both' | 'push-only' | 'pull-only'

/** The part of a supabase-js client that is used; `createClient(…)` has it. */
export interface SupabaseLike {
  // Methods, so that a client typed by a generated Database is accepted whatever its functions are.
  rpc(name: never, args: never): unknown
  functions: { invoke(name: string, options: object): Promise<unknown> }
  auth: AuthLike
  /** Needed for mode `realtime` alone. */
  channel?(topic: string, options: never): unknown
  removeChannel?(channel: never): unknown
}

/** A table, and what is to be said about it. */
export interface TableSettings<Name extends string = string> {
  name: Name
  /** Its primary key. Default `id`. */
  key?: string
  /** How urgent its edits are. Default `medium`. */
  priority?: TablePriority
  /**
   * Its key is an identity or serial column: a row made here has a negative number for it until its
   * first push, when it gets the server's.
   */
  serverKey?: boolean
  /** Columns that stay on this device: they are never sent, and survive what comes in. */
  local?: readonly string[]
  /** Keep only so many rows, those that changed last; edited ones always stay. Default: all. */
  maxRecords?: number
  /** Leave it out of syncs that do not name it; a function is asked at each, e.g. for the network's type. */
  skip?: boolean | ((network: Network) => boolean)
  /**
   * Whether the syncs of mode `realtime` cover it. Default true; otherwise its news come with the next sync
   * that something else begins.
   */
  realtime?: boolean
  /** What its rows must pass before they are written here. */
  validate?: Validate
}

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

/** The options with what is made of them. */
export interface Settings {
  options: SyncOptions
  tables: ReadonlyMap<string, TableSettings>
  /** The column that is the primary key, by table. */
  keys: ReadonlyMap<string, string>
  /** Tables whose key the server makes. */
  serverKeys: ReadonlySet<string>
  /** Tables that a run covers which names none. */
  unskipped(): string[]
  storage: SyncStorage
  plan: Plan
  connection: Connection
  account: Account
  transport: Transport
  batch: BatchLimits
  pageSize: number
  backoff: Backoff
  timeout: number
  network: Network
  clock: Clock
  newId: NewId
}

export function settingsOf(options: SyncOptions): Settings {
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
    options,
    tables: new Map(named.map((table) => [table.name, table])),
    keys: new Map(named.map(({ name, key = 'id' }) => [name, key])),
    serverKeys: new Set(named.filter((table) => table.serverKey).map(({ name }) => name)),
    unskipped: () =>
      named
        .filter(({ skip }) => !(typeof skip === 'function' ? skip(network) : skip))
        .map(({ name }) => name),
    storage: options.storage ?? memoryStorage(),
    plan: {
      modes: [mode].flat(),
      debounce: options.debounce ?? 500,
      interval: options.interval,
    },
    connection,
    account,
    transport: metrics ? measured(transport, metrics) : transport,
    batch: { mutations: 2_000, bytes: 1_000_000, ...options.batch },
    pageSize: options.pageSize ?? 5_000,
    backoff: { ...defaultBackoff, ...options.backoff },
    timeout: options.timeout ?? 60_000,
    network,
    clock,
    newId: options.newId ?? uuid,
  }
}

/** A transport that tells of each request. */
function measured(transport: Transport, tell: (metric: Metric) => void): Transport {
  const all = later(
    async () =>
      (await import('../transport/metrics.ts')).measured(transport, tell) as Required<Transport>,
    ['push', 'pull', 'call', 'sync'],
  )
  return {
    ...all,
    get sync() {
      return transport.sync && all.sync
    },
  } as Transport
}
