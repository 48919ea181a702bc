/** What ends work before it is done. */
export interface SignalSources {
  /** Whichever of them aborts first; the work's signal takes its reason. */
  signals: readonly AbortSignal[]
  /** Milliseconds; afterwards the work's signal aborts with a `TimeoutError`. Absent: no limit. */
  timeout?: number
}

/**
 * Runs `work` with a signal of its own that aborts with what `ends` it, and lets go of all of that when the
 * work is done. `AbortSignal.any` and `AbortSignal.timeout` do not: on some platforms a signal that lives
 * as long as the app remembers every request that followed it, and a timeout stays until it is over.
 */
export async function withSignal<T>(
  { signals, timeout }: SignalSources,
  work: (signal: AbortSignal) => Promise<T>,
): Promise<T> {
  const own = new AbortController()
  const followed = [...new Set(signals)].map((signal) => {
    const abort = (): void => own.abort(signal.reason)
    if (signal.aborted) abort()
    else signal.addEventListener('abort', abort)
    return { signal, abort }
  })
  const late = (): void =>
    own.abort(new DOMException(`There was no answer within ${timeout} ms.`, 'TimeoutError'))
  const timer = timeout === undefined ? undefined : setTimeout(late, timeout)
  try {
    return await work(own.signal)
  } finally {
    clearTimeout(timer)
    for (const { signal, abort } of followed) signal.removeEventListener('abort', abort)
  }
}
