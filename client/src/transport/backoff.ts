import { classify } from '../model/errors.ts'
import type { Clock } from '../util/clock.ts'

/** How often a request is retried, and after which delays. Times are in milliseconds. */
export interface Backoff {
  /** Number of retries. Default 5. */
  retries: number
  /** Delay before the first retry; doubles with each retry. Default 1,000. */
  base: number
  /** Longest delay. Default 30,000. */
  cap: number
  /** Random share of the delay, so that devices do not retry at the same time. Default 0.1. */
  jitter: number
}

export const defaultBackoff: Backoff = { retries: 5, base: 1_000, cap: 30_000, jitter: 0.1 }

/** The delay before retry number `retry`, which counts from 1. `random` is in [0, 1). */
export function backoffDelay(
  retry: number,
  { base, cap, jitter }: Backoff,
  random = Math.random(),
): number {
  const exact = Math.min(cap, base * 2 ** (retry - 1))
  return Math.min(cap, Math.round(exact * (1 - jitter + 2 * jitter * random)))
}

/**
 * Runs `work` until it succeeds, fails with an error that is not retryable, or has been retried `backoff.retries`
 * times; throws the last error as a `SyncError`. Waits as long as the server's `retry-after` says. Ends at once when
 * `signal` aborts.
 */
export async function retry<T>(
  work: () => Promise<T>,
  backoff: Backoff,
  clock: Clock,
  signal: AbortSignal,
): Promise<T> {
  for (let tries = 1; ; tries++) {
    try {
      return await work()
    } catch (thrown) {
      const error = classify(thrown)
      if (!error.retryable || tries > backoff.retries || signal.aborted) throw error
      await sleep(error.retryAfter ?? backoffDelay(tries, backoff), clock, signal)
      if (signal.aborted) throw error
    }
  }
}

/** Resolves after `ms`, or at once when `signal` aborts. */
export function sleep(ms: number, clock: Clock, signal: AbortSignal): Promise<void> {
  return new Promise((resolve) => {
    const end = () => {
      cancel()
      signal.removeEventListener('abort', end)
      resolve()
    }
    const cancel = clock.after(ms, end)
    signal.addEventListener('abort', end)
  })
}
