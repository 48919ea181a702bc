import { type Account, supabaseAccount } from './account.ts'
import type { Clock } from '../util/clock.ts'
import { PermanentError, type SyncError } from '../model/errors.ts'
import type { Validity } from '../api/validity.ts'
import type { SupabaseLike, SyncOptions } from '../api/options.ts'
import { later } from '../util/part.ts'
import { type Caller, rpcTransport, type Transport } from './transport.ts'

/** The Supabase project that this device syncs with; there may be none, or none yet. */
export interface Provider {
  /** `supabase`; null while there is none. */
  readonly name: 'supabase' | null
  /** Begins to sync with a project. What was written before goes there. */
  connect(supabase: SupabaseLike): void
  /** Goes on without one. Rows and edits stay. */
  disconnect(): void
  /** True where there is a project and its last answer is not known to have failed to come. */
  connected(): boolean
  /** Asks the server whether everything needed is there. Never rejects. */
  validate(): Promise<Validity>
}

/** The project in use, for whom it may change under the feet. */
export interface Connection {
  transport: Transport
  account: Account
  current(): SupabaseLike | Transport | undefined
  connect(supabase: SupabaseLike | undefined): void
  /** Calls `fn` when it is another one. */
  onChange(fn: () => void): void
}

const noProvider = (): never => {
  throw new PermanentError({
    code: 'no_provider',
    message: 'There is no Supabase project to sync with.',
    hint: 'Give one to createSync, or to sync.provider.connect.',
  })
}

const nobody: Transport = {
  push: noProvider,
  pull: noProvider,
  call: noProvider,
}

/** A transport and an account that are those of the project in use. */
export function createConnection(
  {
    supabase,
    transport = 'functions',
    compress = false,
  }: Pick<SyncOptions, 'supabase' | 'transport' | 'compress'>,
  clock: Clock,
): Connection {
  let current: SupabaseLike | Transport | undefined
  let inUse = nobody
  let account: Account | undefined
  const watchers = new Map<(user: string | null) => void, () => void>()
  const changed = new Set<() => void>()

  function transportOf(supabase: SupabaseLike | undefined): Transport {
    if (typeof transport !== 'string') return transport
    if (!supabase) return nobody
    const caller = supabase as unknown as Caller
    const rpc = rpcTransport(caller)
    if (transport === 'rpc') return rpc
    // The function saves a round trip where there are edits to send and rows to fetch; no other call needs it.
    const { push, sync } = later(async () => {
      const { functionsTransport } = await import('./functions.ts')
      return functionsTransport(caller, { compress }) as Required<Transport>
    }, ['push', 'sync'])
    return { ...rpc, sync, ...(compress && { push }) }
  }

  /** Where there is no project nobody is signed in, so that whoever is there later is news. */
  function watch(fn: (user: string | null) => void): void {
    if (!account) fn(null)
    watchers.set(fn, account?.watch(fn) ?? (() => {}))
  }

  function connect(next: SupabaseLike | undefined): void {
    current = next ?? (typeof transport === 'string' ? undefined : transport)
    inUse = transportOf(next)
    account = next && supabaseAccount(next, clock)
    for (const [fn, end] of watchers) {
      end()
      watch(fn)
    }
    for (const fn of changed) fn()
  }

  connect(supabase)
  return {
    current: () => current,
    connect,
    onChange: (fn) => void changed.add(fn),
    transport: {
      push: (request, signal) => inUse.push(request, signal),
      pull: (request, signal) => inUse.pull(request, signal),
      call: (name, args, signal) => inUse.call(name, args, signal),
      get sync() {
        return inUse.sync?.bind(inUse)
      },
    } as Transport,
    account: {
      // A transport of one's own without a client knows by itself who is syncing.
      user: async () => (account ? account.user() : current ? undefined : noProvider()),
      renew: async () => (await account?.renew()) ?? false,
      watch(fn) {
        watch(fn)
        return () => {
          watchers.get(fn)?.()
          watchers.delete(fn)
        }
      },
    },
  }
}

/** What else the provider is asked. */
export interface ProviderDeps {
  connection: Connection
  lastError(): SyncError | null
  online(): boolean
  validate(): Promise<Validity>
}

export function createProvider({
  connection,
  lastError,
  online,
  validate,
}: ProviderDeps): Provider {
  return {
    get name() {
      return connection.current() ? 'supabase' : null
    },
    connect: (supabase) => connection.connect(supabase),
    disconnect: () => connection.connect(undefined),
    connected: () => !!connection.current() && online() && lastError()?.retryable !== true,
    validate,
  }
}
