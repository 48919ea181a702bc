import { callSafely } from '../util/call-safely.ts'
import { browserLocks } from './locks.ts'
import type { Channel, TabMessage, Tabs, TabsOptions } from './tabs.ts'

function broadcastChannel(name: string): Channel | undefined {
  if (typeof BroadcastChannel === 'undefined') return undefined
  const channel = new BroadcastChannel(name)
  // A Node process ends although its channel is open.
  ;(channel as { unref?: () => void }).unref?.()
  return {
    // oxlint-disable-next-line unicorn/require-post-message-target-origin -- a channel has none
    send: (message) => channel.postMessage(message),
    listen: (fn) => channel.addEventListener('message', ({ data }) => fn(data)),
    close: () => channel.close(),
  }
}

/**
 * Tabs over Web Locks and a BroadcastChannel. `name` identifies the storage: every tab that opens the same storage
 * uses the same name.
 */
export function createTabs(
  name: string,
  { locks = browserLocks, channel: open = broadcastChannel }: TabsOptions = {},
): Tabs {
  const listeners = new Set<(message: TabMessage) => void>()
  const channelName = `tidemark:${name}`
  const lockName = `${channelName}:sync`
  const channel = open(channelName)
  const closing = new AbortController()
  /** True while another tab runs a sync. */
  let syncing = false

  function onMessage(message: TabMessage): void {
    if (message.kind === 'begun') {
      syncing = true
      void waitForEnd()
    }
    for (const fn of listeners) fn(message)
  }

  /** Waits for the lock, which the other tab releases at the end of its sync or when it is closed. */
  async function waitForEnd(): Promise<void> {
    await locks.request(lockName, async () => {}, closing.signal).catch(() => {})
    syncing = false
    onMessage({ kind: 'ended' })
  }

  channel?.listen((message) => onMessage(message as TabMessage))
  return {
    exclusive: (work, signal) => locks.request(lockName, work, signal),
    syncing: () => syncing,
    post(message) {
      if (!closing.signal.aborted)
        callSafely('the channel to other tabs', () => channel?.send(message))
    },
    listen(fn) {
      listeners.add(fn)
      return () => void listeners.delete(fn)
    },
    close() {
      closing.abort()
      listeners.clear()
      channel?.close()
    },
  }
}
