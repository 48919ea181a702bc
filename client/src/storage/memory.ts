import { StorageError } from '../model/errors.ts'
import { SerialQueue } from '../util/serial-queue.ts'
import type { SyncStorage } from './contract.ts'
import { WorkingSet } from './working-set.ts'

/**
 * Stores everything in memory: for tests, scripts, and apps that download everything at each start. Another
 * `createSync` with the same storage object continues with its data.
 */
export function memoryStorage(): SyncStorage {
  const records = new WorkingSet()
  const queue = new SerialQueue()
  let open = false

  return {
    async open() {
      open = true
    },
    transaction: (mode, body) =>
      queue.run(async () => {
        if (!open) throw new StorageError({ code: 'closed', message: 'The storage is not open.' })
        return records.transaction(mode, body)
      }),
    size: async () => records.size(),
    close: () =>
      queue.run(async () => {
        open = false
      }),
  }
}
