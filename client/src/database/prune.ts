import type { TablePriority } from '../model/priority.ts'
import type { CursorRecord, PruneBounds, RowRecord } from '../model/records.ts'
import type { StorageLimit } from '../model/storage-limit.ts'
import type { Transaction } from '../storage/contract.ts'
import { cursorOf } from './meta.ts'
import { startResync } from './resync.ts'
import type { Store } from './store.ts'
import type { WriteTransaction } from './write-transaction.ts'

/** Tables that are pruned, one after the other. */
const ORDER: readonly TablePriority[] = ['low', 'medium', 'high']

/** Down to this share of the limit, so that not every page prunes. */
const ROOM = 0.9

/** What is said of a table as far as pruning goes. */
export interface PruneRule {
  /** Keep only so many rows. Absent: all. */
  maxRecords?: number
  /** Tables of low priority are pruned first, critical ones never. Default `medium`. */
  priority?: TablePriority
}

export interface PruneSettings {
  tables: ReadonlyMap<string, PruneRule>
  storageLimit: Required<StorageLimit>
}

/** Drops rows that the server has until about as much is left as there is room for. Resolves to how many went. */
export function prune(
  store: Store,
  tables: PruneSettings['tables'],
  { bytes, limit }: { bytes: number; limit: number },
): Promise<number> {
  return store.write('remote', async (transaction) => {
    let left = bytes - ROOM * limit
    let dropped = 0
    for (const priority of ORDER)
      for (const [table, { priority: its = 'medium' }] of tables) {
        if (its !== priority || left <= 0) continue
        const going: RowRecord[] = []
        for (const record of oldestFirst(await synced(transaction.tx, table))) {
          if (left <= 0) break
          left -= JSON.stringify(record).length
          going.push(record)
        }
        await transaction.dropRows(going)
        if (going.length > 0) await notePruned(transaction.tx, table, { bytes: limit })
        dropped += going.length
      }
    return dropped
  })
}

/** Keeps of each of these tables no more rows than its settings say. */
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

/** Drops the oldest rows of a table beyond `max`; edited ones stay. */
async function dropOldest(
  transaction: WriteTransaction,
  table: string,
  max: number,
): Promise<void> {
  const held = await transaction.tx.scan('rows', { index: 'table', equals: [table] })
  const surplus = held.length - max
  if (surplus <= 0) return
  await transaction.dropRows(oldestFirst(held.filter(({ queued }) => !queued)).slice(0, surplus))
  await notePruned(transaction.tx, table, { records: max })
}

const synced = async (tx: Transaction, table: string): Promise<RowRecord[]> =>
  (await tx.scan('rows', { index: 'table', equals: [table] })).filter(({ queued }) => !queued)

/** By the time of the server's last change. */
const oldestFirst = (records: RowRecord[]): RowRecord[] => {
  const at = ({ row }: RowRecord): string => String(row?.updated_at ?? '')
  return records.toSorted((a, b) => (at(a) < at(b) ? -1 : at(a) > at(b) ? 1 : 0))
}

/** Tables that hold fewer rows than the server has for this device, for reasons that still hold. */
export function prunedTables(
  { pruned = {} }: CursorRecord,
  { tables, storageLimit: { bytes, policy } }: PruneSettings,
): readonly string[] {
  return Object.keys(pruned).filter((name) => {
    const { maxRecords = Infinity, priority } = tables.get(name) ?? {}
    const room = policy === 'prune' && priority !== 'critical' ? bytes : Infinity
    const held = { records: Infinity, bytes: Infinity, ...pruned[name] }
    return maxRecords <= held.records && room <= held.bytes
  })
}

/**
 * Where to go on from `place`: what was dropped for a reason that holds no longer comes back with a download
 * of everything beside what is there.
 */
export async function resyncIfWidened(
  place: CursorRecord,
  settings: PruneSettings & { keys: ReadonlyMap<string, string> },
  store: Store,
): Promise<CursorRecord> {
  const { tables, keys } = settings
  const held = prunedTables(place, settings)
  const marked = Object.keys(place.pruned ?? {}).filter((name) => tables.has(name))
  if (marked.every((name) => held.includes(name))) return place
  return store.write('remote', async ({ tx }) => {
    await startResync(tx, [...keys.keys()])
    return cursorOf(tx)
  })
}

/** Notes that rows of a table were dropped, and what for. */
async function notePruned(tx: Transaction, table: string, bounds: PruneBounds): Promise<void> {
  const place = await cursorOf(tx)
  const pruned = { ...place.pruned, [table]: { ...place.pruned?.[table], ...bounds } }
  await tx.putMany('meta', [{ ...place, pruned }])
}
