import { PermanentError } from '../model/errors.ts'
import type { Clock } from '../util/clock.ts'
import { type Account, supabaseAccount } from './account.ts'
import { functionsTransport } from './functions.ts'
import type { SupabaseLike } from './supabase.ts'
import { rpcTransport, type SupabaseCaller, type Transport } from './transport.ts'

/** The project in use; the app may connect another one at any time. */
export interface Connection {
  transport: Transport
  account: Account
  current(): SupabaseLike | Transport | undefined
  connect(supabase: SupabaseLike | undefined): void
  /** Calls `fn` when another project is connected. */
  onChange(fn: () => void): void
}

const noProvider = (): never => {
  throw new PermanentError({
    code: 'no_provider',
    message: 'There is no Supabase project to sync with.',
    hint: 'Give one to createSync, or to sync.provider.connect.',
  })
}

const noTransport: Transport = {
  push: noProvider,
  pull: noProvider,
  call: noProvider,
}

/** How a project is reached. */
export interface ConnectionOptions {
  supabase?: SupabaseLike | undefined
  transport?: 'functions' | 'rpc' | Transport
  compress?: boolean
}

/** A transport and an account that are those of the project in use. */
export function createConnection(
  { supabase, transport = 'functions', compress = false }: ConnectionOptions,
  clock: Clock,
): Connection {
  let current: SupabaseLike | Transport | undefined
  let inUse = noTransport
  let account: Account | undefined
  const watchers = new Map<(user: string | null) => void, () => void>()
  const changed = new Set<() => void>()

  function transportOf(supabase: SupabaseLike | undefined): Transport {
    if (typeof transport !== 'string') return transport
    if (!supabase) return noTransport
    const caller = supabase as unknown as SupabaseCaller
    return transport === 'rpc' ? rpcTransport(caller) : functionsTransport(caller, { compress })
  }

  /** Without a project the user is null, so that a user of a project that is connected later is a sign-in. */
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
      // An app's own transport, without a client, knows who is syncing.
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
