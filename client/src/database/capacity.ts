import { StorageError } from '../model/errors.ts'
import type { StorageLimit, StorageLimitReached } from '../model/storage-limit.ts'
import type { SyncStorage } from '../storage/contract.ts'
import { prune, type PruneSettings } from './prune.ts'
import type { Store } from './store.ts'

/** Enforces `storageLimit`. */
export interface Capacity {
  /** Measures the storage and applies the policy. With policy `error` throws above the limit. */
  check(): Promise<void>
  /** Throws the error of the last `check`, where it threw. */
  assertCapacity(): void
}

export function createCapacity(
  storage: Pick<SyncStorage, 'size'>,
  store: Store,
  settings: PruneSettings,
  onReached: (reached: StorageLimitReached) => void,
): Capacity {
  const { bytes: limit, policy } = settings.storageLimit
  /** True where the limit is exceeded and `onReached` has been called for it. */
  let reported = false
  let quotaError: StorageError | undefined

  const measure = async (): Promise<number> => (await storage.size?.()) ?? 0

  /**
   * Prunes until the size is within the limit, or until a round frees no space: some storages free it later.
   * Resolves to the number of rows dropped.
   */
  async function pruneToLimit(bytes: number): Promise<number> {
    const dropped = await prune(store, settings.tables, { bytes, limit })
    if (dropped === 0) return 0
    const bytesNow = await measure()
    const again = bytesNow > limit && bytesNow < bytes
    return again ? dropped + (await pruneToLimit(bytesNow)) : dropped
  }

  function assertCapacity(): void {
    if (quotaError) throw quotaError
  }

  return {
    async check() {
      const bytes = await measure()
      quotaError = undefined
      if (bytes <= limit) {
        reported = false
        return
      }
      const pruned = policy === 'prune' ? await pruneToLimit(bytes) : 0
      if (!reported || pruned > 0) onReached({ bytes, limit, pruned })
      reported = pruned === 0
      if (policy === 'error') quotaError = quotaExceededError(bytes, limit)
      assertCapacity()
    },
    assertCapacity,
  }
}

const quotaExceededError = (bytes: number, limit: Required<StorageLimit>['bytes']): StorageError =>
  new StorageError({
    code: 'quota',
    message: `The storage limit of ${limit} bytes is reached: ${bytes} are in use.`,
    hint: 'Raise storageLimit, or choose the policy "prune".',
  })
