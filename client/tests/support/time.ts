import type { Clock } from '../../src/util/clock.ts'

/** Resolves once everything that is ready to run has run. */
export const settled = () => new Promise<void>((resolve) => setTimeout(resolve, 5))

/** A clock that stands still until it is told to go on. */
export function handClock(start = 0) {
  let now = start
  let timers: { due: number; fn: () => void }[] = []
  const clock: Clock = {
    now: () => now,
    after(ms, fn) {
      const timer = { due: now + ms, fn }
      timers.push(timer)
      return () => void (timers = timers.filter((other) => other !== timer))
    },
  }
  return {
    clock,
    waiting: () => timers.length,
    /** Lets `ms` pass, timer by timer. */
    async pass(ms: number): Promise<void> {
      const end = now + ms
      for (;;) {
        const next = timers.filter(({ due }) => due <= end).toSorted((a, b) => a.due - b.due)[0]
        if (!next) break
        now = next.due
        timers = timers.filter((timer) => timer !== next)
        next.fn()
        await settled()
      }
      now = end
    },
  }
}
