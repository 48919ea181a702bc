import { classify, NetworkError, ValidationError } from '../model/errors.ts'
import type { SyncReport } from '../model/report.ts'
import type { Network } from '../platform/network.ts'
import { type Backoff, backoffDelay, sleep } from '../transport/backoff.ts'
import type { Clock } from '../util/clock.ts'
import { withSignal } from '../util/with-signal.ts'

/** How long `waitForSync` waits. */
export interface WaitOptions {
  /** Aborts the wait; the call rejects with code `aborted`. */
  signal?: AbortSignal
  /** Milliseconds after which the call rejects with code `timeout`. Default: no limit. */
  timeout?: number
}

export interface WaitDeps {
  /** Runs a sync both ways. */
  sync(signal: AbortSignal): Promise<SyncReport>
  /** Calls `fn` for each edit that the server rejects. Returns an unsubscribe function. */
  onRejected(fn: () => void): () => void
  network: Network
  backoff: Backoff
  clock: Clock
}

/**
 * Syncs until one run succeeds, after any number of retryable failures. Resolves when the edits that were queued at
 * the call are on the server, and the rows that were committed there before are on this device. Rejects after an
 * error that is not retryable, and with `rejected` where the server rejected an edit.
 */
export async function waitForSync(
  { sync, onRejected, network, backoff, clock }: WaitDeps,
  { signal, timeout }: WaitOptions,
): Promise<SyncReport> {
  const ended = new AbortController()
  const abort = (): void => ended.abort(signal?.reason)
  signal?.addEventListener('abort', abort)
  if (signal?.aborted) abort()
  const timeoutError = new NetworkError({
    code: 'timeout',
    message: `No sync has succeeded within ${timeout} ms.`,
  })
  const cancel =
    timeout === undefined ? () => {} : clock.after(timeout, () => ended.abort(timeoutError))
  let rejected = 0
  const unwatch = onRejected(() => rejected++)
  try {
    for (let tries = 1; ; tries++) {
      try {
        const report = await sync(ended.signal)
        if (rejected === 0) return report
        throw new ValidationError({
          code: 'rejected',
          message: `The server rejected ${rejected} ${rejected === 1 ? 'edit' : 'edits'}.`,
          hint: 'queue.list({ status: "failed" }) lists the edits with their reasons.',
        })
      } catch (thrown) {
        if (ended.signal.reason === timeoutError) throw timeoutError
        const error = classify(thrown)
        if (!error.retryable || ended.signal.aborted) throw error
      }
      await waitForRetry(network, backoffDelay(tries, backoff), clock, ended.signal)
    }
  } finally {
    unwatch()
    cancel()
    signal?.removeEventListener('abort', abort)
  }
}

/** Resolves after `ms`; offline, when the network comes back. */
async function waitForRetry(
  network: Network,
  ms: number,
  clock: Clock,
  signal: AbortSignal,
): Promise<void> {
  if (network.online()) return sleep(ms, clock, signal)
  const back = new AbortController()
  const unwatch = network.watch((online) => void (online && back.abort()))
  await withSignal({ signals: [back.signal, signal] }, async (either) => {
    if (either.aborted || network.online()) return
    await new Promise((resolve) => either.addEventListener('abort', resolve))
  })
  unwatch()
}
