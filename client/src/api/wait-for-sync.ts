import { classify, NetworkError, ValidationError } from '../model/errors.ts'
import type { SyncReport } from '../model/report.ts'
import type { Network } from '../platform/network.ts'
import { type Backoff, backoffDelay, sleep } from '../transport/backoff.ts'
import type { Clock } from '../util/clock.ts'
import { withSignal } from '../util/with-signal.ts'

/** How long to wait for a sync. */
export interface WaitOptions {
  /** Ends the waiting; the call rejects with code `aborted`. */
  signal?: AbortSignal
  /** Milliseconds after which the call rejects with code `timeout`. Default: no limit. */
  timeout?: number
}

export interface WaitDeps {
  /** One whole run, both ways. */
  sync(signal: AbortSignal): Promise<SyncReport>
  /** Calls `fn` for each edit that is refused. Returns what ends it. */
  onRejected(fn: () => void): () => void
  network: Network
  backoff: Backoff
  clock: Clock
}

/**
 * Runs until one run succeeds, over any number of failures that time heals. Resolves when the edits made
 * before it was called are on the server, and what was committed there before is here. Rejects where
 * that cannot come about by waiting: `rejected` where the server refused one of them.
 */
export async function waitForSync(
  { sync, onRejected, network, backoff, clock }: WaitDeps,
  { signal, timeout }: WaitOptions,
): Promise<SyncReport> {
  const ended = new AbortController()
  const abort = (): void => ended.abort(signal?.reason)
  signal?.addEventListener('abort', abort)
  if (signal?.aborted) abort()
  const late = new NetworkError({ code: 'timeout', message: `No sync within ${timeout} ms.` })
  const cancel = timeout === undefined ? () => {} : clock.after(timeout, () => ended.abort(late))
  let rejected = 0
  const unwatch = onRejected(() => rejected++)
  try {
    for (let tries = 1; ; tries++) {
      try {
        const report = await sync(ended.signal)
        if (rejected === 0) return report
        throw new ValidationError({
          code: 'rejected',
          message: `The server refused ${rejected} of the edits.`,
          hint: 'They are in queue.list({ status: "failed" }), each with its reason.',
        })
      } catch (thrown) {
        if (ended.signal.reason === late) throw late
        const error = classify(thrown)
        if (!error.retryable || ended.signal.aborted) throw error
      }
      await comeBack(network, backoffDelay(tries, backoff), clock, ended.signal)
    }
  } finally {
    unwatch()
    cancel()
    signal?.removeEventListener('abort', abort)
  }
}

/** Resolves when the network comes back, and after `ms` where it is not known to be gone. */
async function comeBack(
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
