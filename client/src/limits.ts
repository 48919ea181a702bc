import { StorageError } from './errors.ts'
import type { Settings } from './options.ts'
import { part } from './part.ts'
import type { Store } from './store.ts'

/** How much may be stored, and what happens beyond. */
export interface StorageLimit {
  /** Default 50 MB. */
  bytes?: number
  /**
   * `warn` (default): the event `storage_limit` tells. `error`: new rows, changes and downloads are also
   * refused, by a `StorageError` with code `quota`. `prune`: rows that the server has are dropped, those
   * of tables of low priority first, the oldest first; of critical tables none. Edits are always kept.
   */
  policy?: 'warn' | 'error' | 'prune'
}

/** The limit has been passed. */
export interface StorageLimitReached {
  /** Bytes in use. */
  bytes: number
  limit: number
  /** Rows that were dropped for it. */
  pruned: number
}

export interface Limit {
  /** Measures, and does what the policy says. With policy `error` throws where there is too much. */
  check(): Promise<void>
  /** Throws where the last check did. */
  admit(): void
}

export function createLimit(
  { storageLimit, storage, priorities }: Settings,
  store: Store,
  onReached: (reached: StorageLimitReached) => void,
): Limit {
  const { bytes: limit = 50_000_000, policy = 'warn' } = storageLimit
  let over = false
  let full: StorageError | undefined
  const measure = async (): Promise<number> => (await storage.size?.()) ?? 0

  return {
    async check() {
      const bytes = await measure()
      const told = over
      over = bytes > limit
      full = undefined
      if (!over) return
      let pruned = 0
      if (policy === 'prune') {
        const { makeRoom } = await part(import('./prune.ts'))
        pruned = await makeRoom(store, priorities, { bytes, limit, measure })
      }
      if (pruned > 0) over = false
      if (!told || pruned > 0) onReached({ bytes, limit, pruned })
      if (policy !== 'error') return
      full = new StorageError({
        code: 'quota',
        message: `The storage limit of ${limit} bytes is reached: ${bytes} are in use.`,
        hint: 'Raise storageLimit, or choose the policy "prune".',
      })
      throw full
    },
    admit() {
      if (full) throw full
    },
  }
}
