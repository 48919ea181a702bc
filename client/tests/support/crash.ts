import type { SyncStorage, Transaction } from '../../src/storage/contract.ts'

/** What is thrown by a storage whose process is dead. */
export class Killed extends Error {
  override name = 'Killed'
}

/** True for an error that comes from a storage whose process is dead, however it is wrapped. */
export const isKilled = (error: unknown): boolean =>
  error instanceof Killed || (error instanceof Error && isKilled(error.cause))

/**
 * A storage whose process dies at write number `at` (from 1): before it, when `moment` is `before`, so
 * that its transaction never happens; or right after the transaction of that write is committed.
 * From then on nothing goes through. What `storage` itself holds is what a restart finds.
 *
 * `die` is what dying comes to: nothing more by default, or the end of the real process.
 */
export function crashing(
  storage: SyncStorage,
  at: number,
  moment: 'before' | 'after',
  die: () => void = () => {},
) {
  let writes = 0
  let dead = false
  const kill = (): void => {
    dead = true
    die()
  }
  const alive = (): void => {
    if (dead) throw new Killed()
  }
  const step = (): void => {
    alive()
    if (++writes === at && moment === 'before') kill()
    alive()
  }
  const wrapped: SyncStorage = {
    ...storage,
    open: () => storage.open(),
    async transaction(mode, body) {
      alive()
      const result = await storage.transaction(mode, (tx) => {
        const counting: Transaction = {
          ...tx,
          putMany: async (store, records) => {
            step()
            return tx.putMany(store, records)
          },
          deleteMany: async (store, keys) => {
            step()
            return tx.deleteMany(store, keys)
          },
        }
        return body(counting)
      })
      if (writes >= at && moment === 'after') kill()
      alive()
      return result
    },
    close: async () => {},
  }
  return { storage: wrapped, writes: () => writes, died: () => dead, kill }
}
