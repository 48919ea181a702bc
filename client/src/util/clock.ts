/** Time as the client sees it; replaceable, so that tests need not wait. */
export interface Clock {
  /** Milliseconds since 1970. */
  now(): number
  /** Calls `fn` once after `ms` milliseconds. Returns what calls it off. */
  after(ms: number, fn: () => void): () => void
}

/** The platform's clock. */
export const systemClock: Clock = {
  now: () => Date.now(),
  after(ms, fn) {
    const timer = setTimeout(fn, ms)
    return () => clearTimeout(timer)
  },
}

/** RFC 3339, in UTC. */
export const timestamp = (clock: Clock): string => new Date(clock.now()).toISOString()
