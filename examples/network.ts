import type { Network } from '../client/src/index.ts'

/** A network that the program switches. */
export function switchedNetwork(online = true): Network & { set(online: boolean): void } {
  const watching = new Set<(online: boolean) => void>()
  return {
    online: () => online,
    watch(fn) {
      watching.add(fn)
      return () => void watching.delete(fn)
    },
    set(next) {
      online = next
      for (const fn of watching) fn(next)
    },
  }
}
