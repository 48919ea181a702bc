/** Whether it makes sense to try. */
export interface Network {
  /** False only where the platform is sure that there is no connection. */
  online(): boolean
  /** Calls `fn` when that changes. Returns what ends it. */
  watch(fn: (online: boolean) => void): () => void
}

/** `navigator.onLine` and its events; where there are none (Node, workers of some runtimes) always online. */
export const browserNetwork: Network = {
  online: () => (globalThis.navigator as Navigator | undefined)?.onLine !== false,
  watch(fn) {
    if (typeof globalThis.addEventListener !== 'function') return () => {}
    const up = () => fn(true)
    const down = () => fn(false)
    globalThis.addEventListener('online', up)
    globalThis.addEventListener('offline', down)
    return () => {
      globalThis.removeEventListener('online', up)
      globalThis.removeEventListener('offline', down)
    }
  },
}
