import type { Clock, Network } from '../../../client/src/index.ts'

/** What a device has to cope with, and can be changed while it runs. */
export interface Conditions {
  network: Network
  clock: Clock
  fetch: typeof fetch
  online: boolean
  slow: boolean
  /** Minutes that the device's clock is ahead. */
  skew: number
  setOnline(online: boolean): void
  setSlow(slow: boolean): void
  setSkew(minutes: number): void
  /** Lets the next request of a sync arrive and loses its answer; calls `fn` when that has happened. */
  loseAnswer(fn: () => void): void
}

/** How long a request takes on a slow network, beside what it takes anyway. */
const SLOW = 2_000

const isSync = (url: string): boolean => /\/(functions\/v1\/sync|rpc\/sync_pu)/.test(url)

/** Rejects when the request is called off, never before. */
const silence = (signal: AbortSignal | null | undefined): Promise<never> =>
  new Promise((_, reject) => {
    signal?.addEventListener('abort', () => reject(signal.reason as Error))
  })

export function createConditions(): Conditions {
  const watching = new Set<(online: boolean) => void>()
  let losing: (() => void) | undefined
  const conditions: Conditions = {
    online: true,
    slow: false,
    skew: 0,
    network: {
      online: () => conditions.online,
      watch(fn) {
        watching.add(fn)
        return () => void watching.delete(fn)
      },
    },
    clock: {
      now: () => Date.now() + conditions.skew * 60_000,
      after(ms, fn) {
        const timer = setTimeout(fn, ms)
        return () => clearTimeout(timer)
      },
    },
    async fetch(input, init) {
      if (conditions.slow) await new Promise((resolve) => setTimeout(resolve, SLOW))
      if (!conditions.online) throw new TypeError('The device is offline')
      init?.signal?.throwIfAborted()
      const url = input instanceof Request ? input.url : String(input)
      const lost = losing && isSync(url) ? losing : undefined
      if (lost) losing = undefined
      const response = await fetch(input, init)
      if (!lost) return response
      lost()
      return silence(init?.signal)
    },
    setOnline(online) {
      conditions.online = online
      for (const fn of watching) fn(online)
    },
    setSlow(slow) {
      conditions.slow = slow
    },
    setSkew(minutes) {
      conditions.skew = minutes
    },
    loseAnswer(fn) {
      losing = fn
    },
  }
  return conditions
}
