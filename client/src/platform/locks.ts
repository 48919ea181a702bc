import { SerialQueue } from '../util/serial-queue.ts'

/** Locks by name, which exclude work in this tab and in all others. */
export interface Locks {
  /** Runs `work` while no other work of that name runs. Rejects with the reason of `signal` if that aborts first. */
  request<T>(name: string, work: () => Promise<T>, signal?: AbortSignal): Promise<T>
}

const queues = new Map<string, SerialQueue>()

/** Locks that exclude only work of this program, for platforms without Web Locks. */
const programLocks: Locks = {
  request(name, work, signal) {
    let queue = queues.get(name)
    if (!queue) queues.set(name, (queue = new SerialQueue()))
    return queue.run(() => {
      signal?.throwIfAborted()
      return work()
    })
  },
}

/** Web Locks (`navigator.locks`), which hold across tabs and workers; without them, locks of this program. */
export const browserLocks: Locks = {
  async request(name, work, signal) {
    const locks = (globalThis.navigator as Navigator | undefined)?.locks
    if (!locks) return programLocks.request(name, work, signal)
    return await locks.request(name, signal ? { signal } : {}, work)
  },
}
