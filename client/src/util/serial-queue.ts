/** Runs work by name, one piece at a time. */
export type Lane = <T>(name: string, work: () => Promise<T>) => Promise<T>

/**
 * A lane where nothing runs beside anything else. Work asked for while other work runs follows it;
 * asked for again before it has begun, it is shared, so a burst of calls costs one more run, and each
 * caller's promise covers everything that was there when they called.
 */
export function createLane(): Lane {
  let tail: Promise<unknown> = Promise.resolve()
  const waiting = new Map<string, Promise<unknown>>()
  return <T>(name: string, work: () => Promise<T>): Promise<T> => {
    const shared = waiting.get(name)
    if (shared) return shared as Promise<T>
    const result = tail.then(() => {
      waiting.delete(name)
      return work()
    })
    waiting.set(name, result)
    tail = result.catch(() => {})
    return result
  }
}
