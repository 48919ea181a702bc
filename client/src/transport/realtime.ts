import type { Account } from './account.ts'
import type { Connection } from './connection.ts'
import type { Pokes } from './pokes.ts'

/** The part of a channel of supabase-js that is used. */
interface Channel {
  on(type: 'broadcast', filter: { event: string }, fn: () => void): Channel
  subscribe(fn: (status: string) => void): Channel
}

/** The part of a supabase-js client that listens to Realtime. */
export interface RealtimeClient {
  channel(topic: string, options: { config: { private: boolean } }): Channel
  removeChannel(channel: Channel): Promise<unknown>
}

/** The most channels that a client keeps; hosted projects allow 100 a connection. */
const MOST = 90

/**
 * Word of news by Supabase Realtime: one private channel for each scope that this device knows of, where
 * the database says that something has changed, and nothing else. Who comes into another scope hears so on
 * the user's own channel. Scopes beyond the ninetieth are heard of when something else is.
 */
export function realtimePokes(
  client: RealtimeClient,
  account: Pick<Account, 'user' | 'watch'>,
  /** Scopes that the device holds rows of. */
  scopes: () => Promise<readonly string[]>,
): Pokes {
  const listeners = new Set<() => void>()
  const open = new Map<string, Channel>()
  let refreshing = Promise.resolve()
  let unwatch: (() => void) | undefined

  const tell = (): void => {
    for (const fn of listeners) fn()
  }

  async function wanted(): Promise<Set<string>> {
    const user = listeners.size > 0 ? await account.user() : null
    if (!user) return new Set()
    const known = await scopes()
    return new Set([`user:${user}`, 'public', ...known].slice(0, MOST))
  }

  async function refreshOnce(): Promise<void> {
    const topics = await wanted()
    for (const [scope, channel] of open) {
      if (topics.has(scope)) continue
      open.delete(scope)
      await client.removeChannel(channel)
    }
    for (const scope of topics) {
      if (open.has(scope)) continue
      const channel = client.channel(`tidemark:${scope}`, { config: { private: true } })
      open.set(scope, channel)
      channel.on('broadcast', { event: 'poke' }, tell).subscribe((status) => {
        // Also after the connection was lost: what was said meanwhile was not heard.
        if (status === 'SUBSCRIBED') tell()
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

/** Realtime of the project in use; nothing is heard over a client that has none. */
export function connectionPokes(
  connection: Connection,
  scopes: () => Promise<readonly string[]>,
): Pokes {
  const listeners = new Map<() => void, () => void>()

  function heard(): Pokes | undefined {
    const client = connection.current() as Partial<RealtimeClient> | undefined
    if (!client?.channel || !client.removeChannel) return undefined
    return realtimePokes(client as RealtimeClient, connection.account, scopes)
  }

  let pokes = heard()
  const listen = (fn: () => void): void => void listeners.set(fn, pokes?.watch(fn) ?? (() => {}))
  connection.onChange(() => {
    for (const end of listeners.values()) end()
    pokes = heard()
    for (const fn of listeners.keys()) listen(fn)
  })
  return {
    watch(fn) {
      listen(fn)
      return () => {
        listeners.get(fn)?.()
        listeners.delete(fn)
      }
    },
    refresh: () => pokes?.refresh?.(),
  }
}
