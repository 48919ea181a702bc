/** Runs async functions one after the other, in the order of the calls. */
export class SerialQueue {
  #tail: Promise<unknown> = Promise.resolve()
  readonly #waiting = new Map<string, Promise<unknown>>()

  run<T>(work: () => Promise<T>): Promise<T> {
    const result = this.#tail.then(work)
    this.#tail = result.catch(() => {})
    return result
  }

  /**
   * Runs `work` under a name. Until it begins, further calls with the same name share its promise: a burst of
   * calls costs one run, and that run begins after every one of the calls.
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
