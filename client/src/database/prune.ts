import type { TablePriority } from '../model/priority.ts'
import type { CursorRecord, PruneBounds, RowRecord } from '../model/records.ts'
import type { StorageLimit } from '../model/storage-limit.ts'
import type { Transaction } from '../storage/contract.ts'
import { cursorOf } from './meta.ts'
import { startResync } from './resync.ts'
import type { Store } from './store.ts'
import type { WriteTransaction } from './write-transaction.ts'

/** Priorities in the order in which their tables are pruned. */
const PRUNING_ORDER: readonly TablePriority[] = ['low', 'medium', 'high']

/** Pruning goes down to this share of the limit, so that not every page prunes. */
const TARGET_SHARE = 0.9

/** The options of a table that concern pruning. */
export interface PruneRule {
  /** The most rows to keep. Absent: all. */
  maxRecords?: number
  /** Tables of low priority are pruned first, critical ones never. Default `medium`. */
  priority?: TablePriority
}

export interface PruneSettings {
  tables: ReadonlyMap<string, PruneRule>
  storageLimit: Required<StorageLimit>
}

/** Drops rows without queued mutations until the storage is below its limit. Resolves to their number. */
export function prune(
  store: Store,
  tables: PruneSettings['tables'],
  { bytes, limit }: { bytes: number; limit: number },
): Promise<number> {
  return store.write('remote', async (transaction) => {
    let bytesToFree = bytes - TARGET_SHARE * limit
    let dropped = 0
    for (const priority of PRUNING_ORDER)
      for (const [table, { priority: tablePriority = 'medium' }] of tables) {
        if (tablePriority !== priority || bytesToFree <= 0) continue
        const surplus: RowRecord[] = []
        for (const record of oldestFirst(await unqueuedRows(transaction.tx, table))) {
          if (bytesToFree <= 0) break
          bytesToFree -= JSON.stringify(record).length
          surplus.push(record)
        }
        await transaction.dropRows(surplus)
        if (surplus.length > 0) await notePruned(transaction.tx, table, { bytes: limit })
        dropped += surplus.length
      }
    return dropped
  })
}

/** Drops the oldest rows of these tables beyond their `maxRecords`. */
export async function keepNewest(
  store: Store,
  tables: PruneSettings['tables'],
  names: readonly string[],
): Promise<void> {
  for (const name of names) {
    const max = tables.get(name)?.maxRecords
    if (max !== undefined)
      await store.write('remote', (transaction) => dropOldest(transaction, name, max))
  }
}

/** Drops the oldest rows of a table beyond `max`; rows with queued mutations stay. */
async function dropOldest(
  transaction: WriteTransaction,
  table: string,
  max: number,
): Promise<void> {
  const records = await transaction.tx.scan('rows', { index: 'table', equals: [table] })
  const surplus = records.length - max
  if (surplus <= 0) return
  await transaction.dropRows(oldestFirst(records.filter(({ queued }) => !queued)).slice(0, surplus))
  await notePruned(transaction.tx, table, { records: max })
}

/** Rows of a table without queued mutations. */
const unqueuedRows = async (tx: Transaction, table: string): Promise<RowRecord[]> =>
  (await tx.scan('rows', { index: 'table', equals: [table] })).filter(({ queued }) => !queued)

/** Records ordered by the time of the server's last change. */
const oldestFirst = (records: RowRecord[]): RowRecord[] => {
  const updatedAt = ({ row }: RowRecord): string => String(row?.updated_at ?? '')
  return records.toSorted((a, b) =>
    updatedAt(a) < updatedAt(b) ? -1 : updatedAt(a) > updatedAt(b) ? 1 : 0,
  )
}

/** Tables that hold fewer rows than the server has for this device, for limits that have not been raised since. */
export function prunedTables(
  { pruned = {} }: CursorRecord,
  { tables, storageLimit: { bytes, policy } }: PruneSettings,
): readonly string[] {
  return Object.keys(pruned).filter((name) => {
    const { maxRecords = Infinity, priority } = tables.get(name) ?? {}
    const maxBytes = policy === 'prune' && priority !== 'critical' ? bytes : Infinity
    const prunedFor = { records: Infinity, bytes: Infinity, ...pruned[name] }
    return maxRecords <= prunedFor.records && maxBytes <= prunedFor.bytes
  })
}

/**
 * Begins a resync where a limit was raised for which rows were dropped, so that these rows are downloaded again.
 * Resolves to the cursor from which the next pull starts.
 */
export async function resyncIfLimitsRaised(
  cursor: CursorRecord,
  settings: PruneSettings & { keys: ReadonlyMap<string, string> },
  store: Store,
): Promise<CursorRecord> {
  const { tables, keys } = settings
  const stillPruned = prunedTables(cursor, settings)
  const pruned = Object.keys(cursor.pruned ?? {}).filter((name) => tables.has(name))
  if (pruned.every((name) => stillPruned.includes(name))) return cursor
  return store.write('remote', async ({ tx }) => {
    await startResync(tx, [...keys.keys()])
    return cursorOf(tx)
  })
}

/** Stores the limit for which rows of a table were dropped. */
async function notePruned(tx: Transaction, table: string, bounds: PruneBounds): Promise<void> {
  const cursor = await cursorOf(tx)
  const pruned = { ...cursor.pruned, [table]: { ...cursor.pruned?.[table], ...bounds } }
  await tx.putMany('meta', [{ ...cursor, pruned }])
}
