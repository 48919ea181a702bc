/** What kind of connection there is; `unknown` where the platform does not tell. */
export type NetworkType = 'wifi' | 'ethernet' | 'cellular' | 'none' | 'unknown'

/** Whether it makes sense to try. */
export interface Network {
  /** False only where the platform is sure that there is no connection. */
  online(): boolean
  /** Absent: unknown. */
  type?(): NetworkType
  /** Calls `fn` when `online` changes. Returns what ends it. */
  watch(fn: (online: boolean) => void): () => void
}

/** The types of the Network Information API that have a name here. */
const TYPES = new Set<NetworkType>(['wifi', 'ethernet', 'cellular', 'none'])

/** `navigator.onLine` and its events; where there are none (Node, workers of some runtimes) always online. */
export const browserNetwork: Network = {
  online: () => (globalThis.navigator as Navigator | undefined)?.onLine !== false,
  type() {
    const { connection } = (globalThis.navigator ?? {}) as { connection?: { type?: string } }
    const type = connection?.type as NetworkType
    return TYPES.has(type) ? type : 'unknown'
  },
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
