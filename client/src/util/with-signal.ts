/** What aborts work. */
export interface SignalSources {
  /** The work's signal aborts with the first of these, and with the same reason. */
  signals: readonly AbortSignal[]
  /** Milliseconds after which the work's signal aborts with a `TimeoutError`. Absent: no limit. */
  timeout?: number
}

/**
 * Runs `work` with a signal that follows `signals` and `timeout`, and removes its listeners and its timer when
 * the work ends. `AbortSignal.any` and `AbortSignal.timeout` do not: on some platforms a signal that lives as
 * long as the app keeps every request that followed it in memory, and a timer runs on until its time is up.
 */
export async function withSignal<T>(
  { signals, timeout }: SignalSources,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const controller = new AbortController()
  const followed = [...new Set(signals)].map((signal) => {
    const abort = (): void => controller.abort(signal.reason)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort)
    return { signal, abort }
  })
  const abortLate = (): void =>
    controller.abort(new DOMException(`There was no answer within ${timeout} ms.`, 'TimeoutError'))
  const timer = timeout === undefined ? undefined : setTimeout(abortLate, timeout)
  try {
    return await work(controller.signal)
  } finally {
    clearTimeout(timer)
    for (const { signal, abort } of followed) signal.removeEventListener('abort', abort)
  }
}
