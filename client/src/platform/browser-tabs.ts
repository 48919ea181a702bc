import { callSafely } from '../util/call-safely.ts'
import { browserLocks } from './locks.ts'
import type { Channel, TabMessage, Tabs, TabsOptions } from './tabs.ts'

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

/** `name` is the same wherever the same data is opened, and nowhere else. */
export function createTabs(
  name: string,
  { locks = browserLocks, channel: open = broadcastChannel }: TabsOptions = {},
): Tabs {
  const listeners = new Set<(message: TabMessage) => void>()
  const full = `tidemark:${name}`
  const channel = open(full)
  const closing = new AbortController()
  let syncing = false

  function hear(message: TabMessage): void {
    if (message.kind === 'begun') {
      syncing = true
      void waitForEnd()
    }
    for (const fn of listeners) fn(message)
  }

  /** Free again when the other tab is done, or gone. */
  async function waitForEnd(): Promise<void> {
    await locks.request(`${full}:sync`, async () => {}, closing.signal).catch(() => {})
    syncing = false
    hear({ kind: 'ended' })
  }

  channel?.listen((message) => hear(message as TabMessage))
  return {
    exclusive: (work, signal) => locks.request(`${full}:sync`, work, signal),
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
