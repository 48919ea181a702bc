import { browserLocks, type Locks } from './locks.ts'
import type { SyncReport } from './events.ts'

/** Carries messages between tabs: what one sends all others hear. */
export interface Channel {
  send(message: unknown): void
  listen(fn: (message: unknown) => void): void
  close(): void
}

/** How tabs, workers and threads that share a store deal with each other. Defaults: what the browser has. */
export interface TabsOptions {
  locks?: Locks
  /** Opens the channel of that name; undefined where there is no such thing. */
  channel?: (name: string) => Channel | undefined
}

/** What one tab tells the others. */
export type TabMessage =
  /** Rows it has changed. */
  | { kind: 'commit'; origin: 'local' | 'remote'; ids: [table: string, ids: string[]][] }
  /** It has begun a sync. */
  | { kind: 'begun' }
  /** It has completed a sync. */
  | { kind: 'synced'; at: number; report: SyncReport }

/** The other tabs on the same store. */
export interface Tabs {
  /** Runs `work` while no other tab runs theirs. An aborted `signal` ends the wait for it. */
  alone<T>(work: () => Promise<T>, signal?: AbortSignal): Promise<T>
  tell(message: TabMessage): void
  /** Calls `fn` with what others tell. Returns what ends it. */
  listen(fn: (message: TabMessage) => void): () => void
  close(): void
}

function broadcastChannel(name: string): Channel | undefined {
  if (typeof BroadcastChannel === 'undefined') return undefined
  const channel = new BroadcastChannel(name)
  // A Node process does not stay alive to hear of changes.
  ;(channel as { unref?: () => void }).unref?.()
  return {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none
    send: (message) => channel.postMessage(message),
    listen: (fn) => channel.addEventListener('message', ({ data }) => fn(data)),
    close: () => channel.close(),
  }
}

/** `name` says which store it is; without one nobody shares it. */
export function createTabs(
  name: string | undefined,
  { locks = browserLocks, channel: open = broadcastChannel }: TabsOptions = {},
): Tabs {
  const listeners = new Set<(message: TabMessage) => void>()
  const full = `tidemark:${name}`
  const channel = name === undefined ? undefined : open(full)
  channel?.listen((message) => {
    for (const fn of listeners) fn(message as TabMessage)
  })
  return {
    alone: (work, signal) =>
      name === undefined ? work() : locks.request(`${full}:sync`, work, signal),
    tell: (message) => channel?.send(message),
    listen(fn) {
      listeners.add(fn)
      return () => void listeners.delete(fn)
    },
    close() {
      listeners.clear()
      channel?.close()
    },
  }
}
