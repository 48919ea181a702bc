/** Runs work one piece at a time, in the order in which it was asked for. */
export class SerialQueue {
  #tail: Promise<unknown> = Promise.resolve()
  readonly #waiting = new Map<string, Promise<unknown>>()

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work)
    this.#tail = result.catch(() => {})
    return result
  }

  /**
   * Runs work by name. Work that is asked for again before it has begun is shared: a burst of calls costs one
   * run, and the promise of each caller covers everything that was there at the time of their call.
   */
  runShared<T>(name: string, work: () => Promise<T>): Promise<T> {
    const shared = this.#waiting.get(name)
    if (shared) return shared as Promise<T>
    const result = this.run(() => {
      this.#waiting.delete(name)
      return work()
    })
    this.#waiting.set(name, result)
    return result
  }
}
