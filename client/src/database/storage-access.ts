import { type Damage, StorageError } from '../model/errors.ts'
import type { DamagedRecord, IdentityRecord } from '../model/records.ts'
import type { SyncStorage, Transaction } from '../storage/contract.ts'
import { type Clock, timestamp } from '../util/clock.ts'
import type { NewId } from '../util/uuid.ts'
import { withChecksums } from './checksums.ts'
import { moveDamagedRecords, withFurtherDamage } from './corruption.ts'
import { type Commit, createWriteTransaction } from './write-transaction.ts'

/** Number of pending and in-flight mutations, and of rejected ones. */
export interface Counts {
  pending: number
  failed: number
}

export async function countMutations(tx: Transaction): Promise<Counts> {
  const [pending, failed] = await Promise.all([tx.count('queue'), tx.count('failed')])
  return { pending, failed }
}

/** Transactions that repair damaged records, and open a storage again that the browser has closed. */
export interface StorageAccess {
  /** Opens the storage. Resolves to true where the device got its id, which happens on first use. */
  open(): Promise<boolean>
  /** True from the first call of `open` until `close`. */
  isOpen(): boolean
  transaction: SyncStorage['transaction']
  close(): Promise<void>
}

export interface StorageAccessDeps {
  newId: NewId
  clock: Clock
  /** Whether a table has columns that stay on this device. */
  hasLocal: (table: string) => boolean
  onOpened: (counts: Counts) => void
  /** Called after damaged records were moved to the store `damaged`, with the rows that changed. */
  onRepaired: (counts: Counts, rows: Commit['rows'], records: readonly DamagedRecord[]) => void
}

/** How often one call repairs damaged records before it throws. */
const MAX_REPAIRS = 100

export function createStorageAccess(
  storage: SyncStorage,
  { newId, clock, hasLocal, onOpened, onRepaired }: StorageAccessDeps,
): StorageAccess {
  let opening: Promise<boolean> | undefined
  let closed = false

  async function open(): Promise<boolean> {
    if (closed) throw new StorageError({ code: 'closed', message: 'This sync has been closed.' })
    try {
      return await (opening ??= openStorage())
    } catch (error) {
      opening = undefined
      throw error
    }
  }

  async function openStorage(): Promise<boolean> {
    await storage.open()
    const { isNew, counts } = await withCorruptionRecovery(() =>
      storage.transaction('readwrite', async (tx) => {
        const isNew = await ensureDevice(withChecksums(tx), newId)
        return { isNew, counts: await countMutations(tx) }
      }),
    )
    onOpened(counts)
    return isNew
  }

  /** Runs `work`. Where records are damaged, repairs them and runs it again. */
  async function withCorruptionRecovery<T>(work: () => Promise<T>): Promise<T> {
    for (let repairsLeft = MAX_REPAIRS; ; repairsLeft--) {
      try {
        return await work()
      } catch (error) {
        if (!(error instanceof StorageError) || error.damaged.length === 0 || repairsLeft === 0)
          throw error
        await repair(error.damaged)
      }
    }
  }

  async function repair(damage: readonly Damage[]): Promise<void> {
    const at = timestamp(clock)
    const { records, rows, counts } = await withFurtherDamage(damage, (all) =>
      storage.transaction('readwrite', async (native) => {
        const tx = withChecksums(native)
        const rows: Commit['rows'] = new Map()
        const transaction = createWriteTransaction(tx, at, rows, hasLocal)
        const records = await moveDamagedRecords(transaction, all, newId)
        await ensureDevice(tx, newId)
        return { records, rows, counts: await countMutations(tx) }
      }),
    )
    onRepaired(counts, rows, records)
  }

  return {
    open,
    isOpen: () => !closed && opening !== undefined,
    async transaction(mode, body) {
      const work = () => storage.transaction(mode, body)
      await open()
      try {
        return await withCorruptionRecovery(work)
      } catch (error) {
        if (closed || !(error instanceof StorageError) || error.code !== 'closed') throw error
        // The browser has closed the storage.
        opening = undefined
        await open()
        return withCorruptionRecovery(work)
      }
    },
    async close() {
      closed = true
      await storage.close()
    },
  }
}

/**
 * Stores a device record where there is none. Resolves to true where the device id is new. A lost record is
 * restored from the `IdentityRecord`; every queued mutation counts as sent then, since it may have been.
 */
async function ensureDevice(tx: Transaction, newId: NewId): Promise<boolean> {
  if (await tx.get('meta', 'device')) return false
  const mutations = [...(await tx.scan('queue')), ...(await tx.scan('failed'))]
  const seq = mutations.reduce((last, mutation) => Math.max(last, mutation.seq), 0)
  const identity = (await tx.get('meta', 'identity')) as IdentityRecord | undefined
  const { id, user } = identity ?? { id: newId(), user: null }
  const sentSeq = identity ? seq : 0
  await tx.putMany('meta', [{ name: 'device', id, user, seq, sentSeq, completed: 0 }])
  return !identity
}
