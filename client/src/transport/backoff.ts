import { classify } from '../model/errors.ts'
import type { Clock } from '../util/clock.ts'

/** How often and how patiently a request is tried again. Times in milliseconds. */
export interface Backoff {
  /** Tries after the first one. Default 5. */
  retries: number
  /** Wait before the first retry; doubles each time. Default 1,000. */
  base: number
  /** Longest wait. Default 30,000. */
  cap: number
  /** Share of the wait that is random, so that devices do not return in step. Default 0.1. */
  jitter: number
}

export const defaultBackoff: Backoff = { retries: 5, base: 1_000, cap: 30_000, jitter: 0.1 }

/** Milliseconds to wait before retry number `retry` (from 1). `random` is in [0, 1). */
export function backoffDelay(
  retry: number,
  { base, cap, jitter }: Backoff,
  random = Math.random(),
): number {
  const exact = Math.min(cap, base * 2 ** (retry - 1))
  return Math.min(cap, Math.round(exact * (1 - jitter + 2 * jitter * random)))
}

/**
 * Runs `work` until it succeeds, fails for good, or has been retried often enough; throws its last
 * error as a `SyncError`. A server's `retry-after` is kept to. Ends at once when `signal` aborts.
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
