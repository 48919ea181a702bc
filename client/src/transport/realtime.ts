import type { Account } from './account.ts'
import type { Connection } from './connection.ts'
import type { Pokes } from './pokes.ts'

/** The methods of a supabase-js channel that are used. */
interface Channel {
  on(type: 'broadcast', filter: { event: string }, fn: () => void): Channel
  subscribe(fn: (status: string) => void): Channel
}

/** The methods of a supabase-js client for Realtime. */
export interface RealtimeClient {
  channel(topic: string, options: { config: { private: boolean } }): Channel
  removeChannel(channel: Channel): Promise<unknown>
}

/** Hosted projects allow 100 channels on one connection; the app may need some of them. */
const MAX_CHANNELS = 90

/**
 * Pokes over Supabase Realtime, on one private channel for each scope of this device. A user who joins another scope
 * gets a poke on the user's own channel. Changes in scopes beyond the limit of channels arrive with the next sync.
 */
export function realtimePokes(
  client: RealtimeClient,
  account: Pick<Account, 'user' | 'watch'>,
  /** Scopes that the device holds rows of. */
  scopes: () => Promise<readonly string[]>,
): Pokes {
  const listeners = new Set<() => void>()
  const channels = new Map<string, Channel>()
  let refreshing = Promise.resolve()
  let unwatch: (() => void) | undefined

  const poke = (): void => {
    for (const fn of listeners) fn()
  }

  /** The scopes to listen for; none without a listener or a user. */
  async function scopesToWatch(): Promise<Set<string>> {
    const user = listeners.size > 0 ? await account.user() : null
    if (!user) return new Set()
    return new Set([`user:${user}`, 'public', ...(await scopes())].slice(0, MAX_CHANNELS))
  }

  async function refreshOnce(): Promise<void> {
    const watched = await scopesToWatch()
    for (const [scope, channel] of channels) {
      if (watched.has(scope)) continue
      channels.delete(scope)
      await client.removeChannel(channel)
    }
    for (const scope of watched) {
      if (channels.has(scope)) continue
      const channel = client.channel(`tidemark:${scope}`, { config: { private: true } })
      channels.set(scope, channel)
      channel.on('broadcast', { event: 'poke' }, poke).subscribe((status) => {
        // Pokes that the server sent before the subscription, or while the connection was lost, were missed.
        if (status === 'SUBSCRIBED') poke()
      })
    }
  }

  function refresh(): void {
    refreshing = refreshing.then(refreshOnce).catch(() => {})
  }

  return {
    watch(fn) {
      listeners.add(fn)
      unwatch ??= account.watch(refresh)
      refresh()
      return () => {
        listeners.delete(fn)
        if (listeners.size > 0) return
        unwatch?.()
        unwatch = undefined
        refresh()
      }
    },
    refresh,
  }
}

/** The pokes of the connected project; none where its client has no Realtime. */
export function connectionPokes(
  connection: Connection,
  scopes: () => Promise<readonly string[]>,
): Pokes {
  const listeners = new Map<() => void, () => void>()

  function pokesOfProject(): Pokes | undefined {
    const client = connection.current() as Partial<RealtimeClient> | undefined
    if (!client?.channel || !client.removeChannel) return undefined
    return realtimePokes(client as RealtimeClient, connection.account, scopes)
  }

  let pokes = pokesOfProject()
  const watch = (fn: () => void): void => void listeners.set(fn, pokes?.watch(fn) ?? (() => {}))
  connection.onChange(() => {
    for (const unwatch of listeners.values()) unwatch()
    pokes = pokesOfProject()
    for (const fn of listeners.keys()) watch(fn)
  })
  return {
    watch(fn) {
      watch(fn)
      return () => {
        listeners.get(fn)?.()
        listeners.delete(fn)
      }
    },
    refresh: () => pokes?.refresh?.(),
  }
}
