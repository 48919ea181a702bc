/** The kind of connection; `unknown` where the platform does not report it. */
export type NetworkType = 'wifi' | 'ethernet' | 'cellular' | 'none' | 'unknown'

/** The state of the network. */
export interface Network {
  /** False only where the platform is sure that there is no connection. */
  online(): boolean
  /** Absent: unknown. */
  type?(): NetworkType
  /** Calls `fn` when `online` changes. Returns an unsubscribe function. */
  watch(fn: (online: boolean) => void): () => void
}

/** The types of the Network Information API that `NetworkType` contains. */
const KNOWN_TYPES = new Set<NetworkType>(['wifi', 'ethernet', 'cellular', 'none'])

/** `navigator.onLine` and its events; without them (Node, workers of some runtimes) always online. */
export const browserNetwork: Network = {
  online: () => (globalThis.navigator as Navigator | undefined)?.onLine !== false,
  type() {
    const { connection } = (globalThis.navigator ?? {}) as { connection?: { type?: string } }
    const type = connection?.type as NetworkType
    return KNOWN_TYPES.has(type) ? type : 'unknown'
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
