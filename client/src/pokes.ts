import type { Pokes } from './scheduler.ts'

/** Pokes of something that is loaded when somebody begins to listen, and where that failed at the next refresh. */
export function pokesLater(load: () => Promise<Pokes>): Pokes {
  /** What ends the listening of each, once it has begun. */
  const listeners = new Map<() => void, (() => void) | undefined>()
  let loading: Promise<Pokes> | undefined

  async function listen(): Promise<void> {
    try {
      const pokes = await (loading ??= load())
      for (const [fn, end] of listeners) if (!end) listeners.set(fn, pokes.watch(fn))
    } catch {
      loading = undefined
    }
  }

  return {
    watch(fn) {
      listeners.set(fn, undefined)
      void listen()
      return () => {
        listeners.get(fn)?.()
        listeners.delete(fn)
      }
    },
    async refresh() {
      if (listeners.size === 0) return
      await listen()
      ;(await loading)?.refresh?.()
    },
  }
}
