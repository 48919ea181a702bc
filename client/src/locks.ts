/** Runs `work` while nobody else who shares the name runs theirs: in this tab, or in any other. */
export interface Locks {
  request<T>(name: string, work: () => Promise<T>): Promise<T>
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
  request(name, work) {
    let turn = turns.get(name)
    if (!turn) turns.set(name, (turn = createTurns()))
    return turn(work)
  },
}

/** Web Locks (`navigator.locks`), which hold across tabs and workers; this program's own turns without them. */
export const browserLocks: Locks = {
  request(name, work) {
    const locks = (globalThis.navigator as Navigator | undefined)?.locks
    return locks
      ? (locks.request(name, work) as ReturnType<typeof work>)
      : ownTurns.request(name, work)
  },
}
