/** Runs `work` while nobody else who shares the name runs theirs: in this tab, or in any other. */
export interface Locks {
  /** An aborted `signal` ends the wait for the lock with the signal's reason; `work` is not run then. */
  request<T>(name: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T>
}

/** Runs work in the order in which it was asked for, one piece at a time. */
export function createTurns(): <T>(work: () => Promise<T>) => Promise<T> {
  let tail: Promise<unknown> = Promise.resolve()
  return <T>(work: () => Promise<T>): Promise<T> => {
    const result = tail.then(work)
    tail = result.catch(() => {})
    return result
  }
}

const turns = new Map<string, ReturnType<typeof createTurns>>()

/** Where there are no Web Locks nothing outside of this program can be waited for. */
const ownTurns: Locks = {
  request(name, work, signal) {
    let turn = turns.get(name)
    if (!turn) turns.set(name, (turn = createTurns()))
    return turn(() => {
      signal?.throwIfAborted()
      return work()
    })
  },
}

/** Web Locks (`navigator.locks`), which hold across tabs and workers; this program's own turns without them. */
export const browserLocks: Locks = {
  async request(name, work, signal) {
    const locks = (globalThis.navigator as Navigator | undefined)?.locks
    if (!locks) return ownTurns.request(name, work, signal)
    return await locks.request(name, signal ? { signal } : {}, work)
  },
}
