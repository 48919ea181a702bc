import type { StorageError } from '../model/errors.ts'
import type { Settings } from '../api/options.ts'
import { part } from '../util/part.ts'
import type { Store } from './store.ts'

/** Bytes that may be stored where nothing else is said. */
export const ENOUGH = 50_000_000

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

/** What the last check came to. */
export interface Level {
  /** More is stored than the limit says, and that has been told. */
  over: boolean
  /** Why nothing may be added. */
  full?: StorageError | undefined
}

export function createLimit(
  settings: Settings,
  store: Store,
  onReached: (reached: StorageLimitReached) => void,
): Limit {
  const { storage, options } = settings
  const { bytes: limit = ENOUGH, policy = 'warn' } = options.storageLimit ?? {}
  let level: Level = { over: false }
  const measure = async (): Promise<number> => (await storage.size?.()) ?? 0

  return {
    async check() {
      const bytes = await measure()
      if (bytes <= limit) {
        level = { over: false }
        return
      }
      const { exceed } = await part(import('./prune.ts'))
      level = await exceed(level, { bytes, limit, policy, measure }, settings, store, onReached)
      this.admit()
    },
    admit() {
      if (level.full) throw level.full
    },
  }
}
