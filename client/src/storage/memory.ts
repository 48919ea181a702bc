import { StorageError } from '../model/errors.ts'
import { SerialQueue } from '../util/serial-queue.ts'
import type { SyncStorage } from './contract.ts'
import { WorkingSet } from './working-set.ts'

/**
 * Keeps everything in memory: for tests, scripts, and apps that start afresh each time. Give the same
 * storage to another `createSync` and it goes on where the first one stopped.
 */
export function memoryStorage(): SyncStorage {
  const set = new WorkingSet()
  const queue = new SerialQueue()
  let open = false

  return {
    async open() {
      open = true
    },
    transaction: (mode, body) =>
      queue.run(async () => {
        if (!open) throw new StorageError({ code: 'closed', message: 'The storage is not open.' })
        return set.transaction(mode, body)
      }),
    size: async () => set.size(),
    close: () =>
      queue.run(async () => {
        open = false
      }),
  }
}
