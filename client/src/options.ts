import { type Backoff, defaultBackoff } from './backoff.ts'
import { type Clock, systemClock } from './clock.ts'
import { ValidationError } from './errors.ts'
import { type NewId, uuid } from './ids.ts'
import { browserNetwork, type Network } from './network.ts'
import type { TablePriority } from './priority.ts'
import type { BatchLimits } from './push.ts'
import type { Mode } from './scheduler.ts'
import type { SyncStorage } from './storage.ts'
import { memoryStorage } from './storage/memory.ts'
import { type Caller, functionsTransport, rpcTransport, type Transport } from './transport.ts'

/** The part of a supabase-js client that is used; `createClient(…)` has it. */
export interface SupabaseLike {
  // Methods, so that a client typed by a generated Database is accepted whatever its functions are.
  rpc(name: never, args: never): unknown
  functions: { invoke(name: string, options: object): Promise<unknown> }
  auth: { getSession(): Promise<{ data: { session: { user: { id: string } } | null } }> }
}

/** A table by name, or with what is to be said about it. */
export type TableOption<Name extends string = string> =
  | Name
  | {
      name: Name
      /** Its primary key. Default `id`. */
      key?: string
      /** How urgent its edits are. Default `medium`. */
      priority?: TablePriority
    }

/** What `createSync` takes. Times in milliseconds. */
export interface SyncOptions<Name extends string = string> {
  /** The app's own supabase-js client: its session decides who is syncing. */
  supabase: SupabaseLike
  /** Tables to sync; each must have been given to `tidemark.add_table`. `schema.table` outside `public`. */
  tables: readonly TableOption<Name>[]
  /** Where rows and edits are kept. Default: in memory. */
  storage?: SyncStorage
  /** When to sync without being asked. Default `manual`. Anything else begins with `ready()` or `start()`. */
  mode?: Mode | readonly Mode[]
  /** `functions` (default): the edge function `sync` where it is deployed. `rpc`: never. Or your own. */
  transport?: 'functions' | 'rpc' | Transport
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
  /** Pause between syncs in mode `periodic`. Default 30,000. */
  interval?: number
  network?: Network
  clock?: Clock
  /** Makes the ids of devices and rows. Default: UUIDs that sort by time of creation. */
  newId?: NewId
}

/** The options with nothing left open. */
export interface Settings {
  keys: ReadonlyMap<string, string>
  priorities: ReadonlyMap<string, TablePriority>
  storage: SyncStorage
  modes: readonly Mode[]
  transport: Transport
  batch: BatchLimits
  pageSize: number
  backoff: Backoff
  timeout: number
  debounce: number
  interval: number
  network: Network
  clock: Clock
  newId: NewId
  /** The account that is signed in: null for none, undefined where the client cannot say. */
  user(): Promise<string | null | undefined>
}

export function settingsOf(options: SyncOptions): Settings {
  const { supabase, tables, mode = 'manual', transport = 'functions' } = options
  if (tables.length === 0)
    throw new ValidationError({
      code: 'no_tables',
      message: 'Name the tables to sync: tables: [...].',
    })
  const caller = supabase as unknown as Caller
  const named = tables.map((table) => (typeof table === 'string' ? { name: table } : table))
  return {
    keys: new Map(named.map(({ name, key = 'id' }) => [name, key])),
    priorities: new Map(named.map(({ name, priority = 'medium' }) => [name, priority])),
    storage: options.storage ?? memoryStorage(),
    modes: [mode].flat(),
    transport:
      transport === 'functions'
        ? functionsTransport(caller)
        : transport === 'rpc'
          ? rpcTransport(caller)
          : transport,
    batch: { mutations: 2_000, bytes: 1_000_000, ...options.batch },
    pageSize: options.pageSize ?? 5_000,
    backoff: { ...defaultBackoff, ...options.backoff },
    timeout: options.timeout ?? 60_000,
    debounce: options.debounce ?? 500,
    interval: options.interval ?? 30_000,
    network: options.network ?? browserNetwork,
    clock: options.clock ?? systemClock,
    newId: options.newId ?? uuid,
    user: () => userOf(supabase),
  }
}

async function userOf(supabase: SupabaseLike): Promise<string | null | undefined> {
  try {
    return (await supabase.auth.getSession()).data.session?.user.id ?? null
  } catch {
    // A client with an accessToken callback of its own has no session to ask: the server will tell.
    return undefined
  }
}
