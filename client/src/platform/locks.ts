import { SerialQueue } from '../util/serial-queue.ts'

/** Runs work under a name, one piece at a time: in this tab and in all others. */
export interface Locks {
  /** An aborted `signal` ends the wait for the lock with the signal's reason; `work` is not run then. */
  request<T>(name: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T>
}

const queues = new Map<string, SerialQueue>()

/** Without Web Locks, only work of this program can be waited for. */
const ownQueues: Locks = {
  request(name, work, signal) {
    let queue = queues.get(name)
    if (!queue) queues.set(name, (queue = new SerialQueue()))
    return queue.run(() => {
      signal?.throwIfAborted()
      return work()
    })
  },
}

/** Web Locks (`navigator.locks`), which hold across tabs and workers; one queue a name in this program without them. */
export const browserLocks: Locks = {
  async request(name, work, signal) {
    const locks = (globalThis.navigator as Navigator | undefined)?.locks
    if (!locks) return ownQueues.request(name, work, signal)
    return await locks.request(name, signal ? { signal } : {}, work)
  },
}
