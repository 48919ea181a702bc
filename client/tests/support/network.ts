import type { Network } from '../../src/index.ts'

/** A network that a test switches on and off. */
export function switchable(online = true): Network & { turn(on: boolean): void } {
  const watchers = new Set<(online: boolean) => void>()
  return {
    online: () => online,
    watch(fn) {
      watchers.add(fn)
      return () => void watchers.delete(fn)
    },
    turn(on) {
      online = on
      for (const fn of watchers) fn(on)
    },
  }
}
