/** How much may be stored, and what happens above the limit. */
export interface StorageLimit {
  /** Default 50 MB. */
  bytes?: number
  /**
   * `warn` (default): the event `storage_limit` is emitted. `error`: in addition, writes and downloads throw a
   * `StorageError` with code `quota`. `prune`: rows that the server has are dropped, those of tables of low
   * priority first and the oldest first, but none of critical tables. Queued edits are always kept.
   */
  policy?: 'warn' | 'error' | 'prune'
}

export const defaultStorageLimit: Required<StorageLimit> = { bytes: 50_000_000, policy: 'warn' }

/** The event of a store above its limit. */
export interface StorageLimitReached {
  /** Bytes in use. */
  bytes: number
  limit: number
  /** Number of rows that were dropped. */
  pruned: number
}
