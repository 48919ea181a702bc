/** How much may be stored, and what happens beyond. */
export interface StorageLimit {
  /** Default 50 MB. */
  bytes?: number
  /**
   * `warn` (default): the event `storage_limit` is emitted. `error`: besides, new rows, changes and downloads
   * are refused by a `StorageError` with code `quota`. `prune`: rows that the server has are dropped, those of
   * tables of low priority first, the oldest first; none of critical tables. Mutations are always kept.
   */
  policy?: 'warn' | 'error' | 'prune'
}

export const defaultStorageLimit: Required<StorageLimit> = { bytes: 50_000_000, policy: 'warn' }

/** The limit has been passed. */
export interface StorageLimitReached {
  /** Bytes in use. */
  bytes: number
  limit: number
  /** Rows that were dropped for it. */
  pruned: number
}
