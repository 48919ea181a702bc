import { PermanentError } from '../model/errors.ts'
import type { Clock } from '../util/clock.ts'
import { type Account, supabaseAccount } from './account.ts'
import { functionsTransport } from './functions.ts'
import type { SupabaseLike } from './supabase.ts'
import { rpcTransport, type SupabaseCaller, type Transport } from './transport.ts'

/** The connected Supabase project; the app may connect another one at any time. */
export interface Connection {
  transport: Transport
  account: Account
  /** The client or transport in use; undefined where no project is connected. */
  current(): SupabaseLike | Transport | undefined
  connect(supabase: SupabaseLike | undefined): void
  /** Calls `fn` when another project is connected. */
  onChange(fn: () => void): void
}

const throwNoProvider = (): never => {
  throw new PermanentError({
    code: 'no_provider',
    message: 'No Supabase project is connected.',
    hint: 'Pass a client to createSync({ supabase }) or to sync.provider.connect(supabase).',
  })
}

const noTransport: Transport = {
  push: throwNoProvider,
  pull: throwNoProvider,
  call: throwNoProvider,
}

/** Which project to connect, and how to send requests. */
export interface ConnectionOptions {
  supabase?: SupabaseLike | undefined
  transport?: 'functions' | 'rpc' | Transport
  compress?: boolean
}

/** A connection whose transport and account are always those of the project in use. */
export function createConnection(
  { supabase, transport = 'functions', compress = false }: ConnectionOptions,
  clock: Clock,
): Connection {
  let current: SupabaseLike | Transport | undefined
  let currentTransport = noTransport
  let account: Account | undefined
  const watchers = new Map<(user: string | null) => void, () => void>()
  const changeListeners = new Set<() => void>()

  function transportOf(supabase: SupabaseLike | undefined): Transport {
    if (typeof transport !== 'string') return transport
    if (!supabase) return noTransport
    const caller = supabase as unknown as SupabaseCaller
    return transport === 'rpc' ? rpcTransport(caller) : functionsTransport(caller, { compress })
  }

  /** Without a project calls `fn` with null, so that the user of a project that is connected later signs in. */
  function watch(fn: (user: string | null) => void): void {
    if (!account) fn(null)
    watchers.set(fn, account?.watch(fn) ?? (() => {}))
  }

  function connect(next: SupabaseLike | undefined): void {
    current = next ?? (typeof transport === 'string' ? undefined : transport)
    currentTransport = transportOf(next)
    account = next && supabaseAccount(next, clock)
    for (const [fn, unwatch] of watchers) {
      unwatch()
      watch(fn)
    }
    for (const fn of changeListeners) fn()
  }

  connect(supabase)
  return {
    current: () => current,
    connect,
    onChange: (fn) => void changeListeners.add(fn),
    transport: {
      push: (request, signal) => currentTransport.push(request, signal),
      pull: (request, signal) => currentTransport.pull(request, signal),
      call: (name, args, signal) => currentTransport.call(name, args, signal),
      get sync() {
        return currentTransport.sync?.bind(currentTransport)
      },
    } as Transport,
    account: {
      // A transport of the app, without a client: only the app knows the user.
      user: async () => (account ? account.user() : current ? undefined : throwNoProvider()),
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
