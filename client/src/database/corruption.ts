import { type Damage, StorageError } from '../model/errors.ts'
import type { DamagedRecord, Keys, StoreName } from '../model/records.ts'
import type { NewId } from '../util/uuid.ts'
import { cursorOf } from './meta.ts'
import { baseRow, rebase } from './rebase.ts'
import { startResync } from './resync.ts'
import type { WriteTransaction } from './write-transaction.ts'

const damageKey = ({ store, key }: Damage): string => JSON.stringify([store, key])

/** Runs `repair` with the damaged records, again with those that it finds on the way. */
export async function withFurtherDamage<T>(
  damage: readonly Damage[],
  repair: (damage: readonly Damage[]) => Promise<T>,
): Promise<T> {
  try {
    return await repair(damage)
  } catch (error) {
    const keys = new Set(damage.map(damageKey))
    const found = error instanceof StorageError ? error.damaged : []
    const further = found.filter((each) => !keys.has(damageKey(each)))
    if (further.length === 0) throw error
    return withFurtherDamage([...damage, ...further], repair)
  }
}

/**
 * Moves damaged records to the store `damaged` and repairs what depends on them. A damaged row is made again from
 * its queued mutations, and the next pull downloads it; a damaged mutation is taken out of its row.
 */
export async function moveDamagedRecords(
  transaction: WriteTransaction,
  damage: readonly Damage[],
  newId: NewId,
): Promise<DamagedRecord[]> {
  const { tx, at } = transaction
  const records = damage.map((each): DamagedRecord => ({ ...each, id: newId(), at }))
  await tx.putMany('damaged', records)
  for (const { store, key } of damage)
    await tx.deleteMany(store as StoreName, [key as Keys[StoreName]])

  const rowKeys = damage
    .filter(({ store }) => store === 'rows')
    .map(({ key }) => key as Keys['rows'])
  await restoreRows(transaction, rowKeys)
  const tables = new Set(rowKeys.map(([table]) => table))
  if (damage.some(({ store }) => store === 'meta') && !(await tx.get('meta', 'cursor')))
    for (const table of await replaceCursor(transaction)) tables.add(table)
  if (tables.size > 0) {
    await startResync(tx, [...tables])
    // A page that was requested before is stale.
    const cursor = await cursorOf(tx)
    await tx.putMany('meta', [{ ...cursor, pages: cursor.pages + 1 }])
  }
  if (damage.some(({ store }) => store === 'queue')) await rebaseIncompleteRows(transaction)
  return records
}

/** Makes rows again from their queued mutations alone. */
async function restoreRows(
  { tx, putRows, dropRows }: WriteTransaction,
  keys: readonly Keys['rows'][],
): Promise<void> {
  for (const [table, id] of keys) {
    const mutations = await tx.scan('queue', { index: 'row', equals: [table, id] })
    const record = rebase({ table, id, version: null }, null, mutations)
    if (record) await putRows([record])
    else await dropRows([{ table, id }])
  }
}

/** Stores a cursor in place of the lost one. Resolves to the tables that the store holds rows of. */
async function replaceCursor({ tx, at }: WriteTransaction): Promise<Set<string>> {
  const rows = await tx.scan('rows')
  const resyncGeneration = rows.reduce(
    (last, record) => Math.max(last, record.resyncGeneration ?? 0),
    0,
  )
  // The number of applied pages is lost; the time is a number with which no page was requested.
  await tx.putMany('meta', [
    { name: 'cursor', cursor: null, pages: Date.parse(at), resyncGeneration },
  ])
  return new Set(rows.map(({ table }) => table))
}

/** Rebases the rows that have lost a queued mutation. */
async function rebaseIncompleteRows({ tx, putRows, dropRows }: WriteTransaction): Promise<void> {
  for (const record of (await tx.scan('rows')).filter(({ queued }) => queued)) {
    const { table, id } = record
    const mutations = await tx.scan('queue', { index: 'row', equals: [table, id] })
    if (mutations.length === record.queued) continue
    const next = rebase(record, baseRow(record), mutations)
    if (next) await putRows([next])
    else await dropRows([record])
  }
}
