import { StorageError } from '../model/errors.ts'
import type { StorageLimit, StorageLimitReached } from '../model/storage-limit.ts'
import type { SyncStorage } from '../storage/contract.ts'
import { prune, type PruneSettings } from './prune.ts'
import type { Store } from './store.ts'

/** Keeps the store within `storageLimit`. */
export interface Capacity {
  /** Measures, and does what the policy says. With policy `error` throws where too much is stored. */
  check(): Promise<void>
  /** Throws where the last check did. */
  assertCapacity(): void
}

export function createCapacity(
  storage: Pick<SyncStorage, 'size'>,
  store: Store,
  settings: PruneSettings,
  onReached: (reached: StorageLimitReached) => void,
): Capacity {
  const { bytes: limit, policy } = settings.storageLimit
  /** The limit is exceeded, and listeners have been told. */
  let told = false
  let full: StorageError | undefined

  const measure = async (): Promise<number> => (await storage.size?.()) ?? 0

  /** Prunes for as long as that frees space; some storages free it later. Resolves to the number of rows dropped. */
  async function makeRoom(bytes: number): Promise<number> {
    const dropped = await prune(store, settings.tables, { bytes, limit })
    if (dropped === 0) return 0
    const left = await measure()
    return left > limit && left < bytes ? dropped + (await makeRoom(left)) : dropped
  }

  function assertCapacity(): void {
    if (full) throw full
  }

  return {
    async check() {
      const bytes = await measure()
      full = undefined
      if (bytes <= limit) {
        told = false
        return
      }
      const pruned = policy === 'prune' ? await makeRoom(bytes) : 0
      if (!told || pruned > 0) onReached({ bytes, limit, pruned })
      told = pruned === 0
      if (policy === 'error') full = quotaExceeded(bytes, limit)
      assertCapacity()
    },
    assertCapacity,
  }
}

const quotaExceeded = (bytes: number, limit: Required<StorageLimit>['bytes']): StorageError =>
  new StorageError({
    code: 'quota',
    message: `The storage limit of ${limit} bytes is reached: ${bytes} are in use.`,
    hint: 'Raise storageLimit, or choose the policy "prune".',
  })
