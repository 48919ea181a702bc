import { type Damage, StorageError } from '../model/errors.ts'
import type { DamagedRecord, Keys, StoreName } from '../model/records.ts'
import type { NewId } from '../util/uuid.ts'
import { cursorOf } from './meta.ts'
import { baseRow, rebase } from './rebase.ts'
import { startResync } from './resync.ts'
import type { WriteTransaction } from './write-transaction.ts'

const nameOf = ({ store, key }: Damage): string => JSON.stringify([store, key])

/** Sees to damage, and to what else cannot be read on the way. */
export async function withFurtherDamage<T>(
  damage: readonly Damage[],
  see: (damage: readonly Damage[]) => Promise<T>,
): Promise<T> {
  try {
    return await see(damage)
  } catch (error) {
    const known = new Set(damage.map(nameOf))
    const found = error instanceof StorageError ? error.damaged : []
    const more = found.filter((each) => !known.has(nameOf(each)))
    if (more.length === 0) throw error
    return withFurtherDamage([...damage, ...more], see)
  }
}

/**
 * Moves damaged records out of the way, so that the rest goes on. A row without its record is made again
 * of its queued mutations, and comes from the server with the next pull; a mutation without its record no longer
 * shows in its row.
 */
export async function setAside(
  transaction: WriteTransaction,
  damage: readonly Damage[],
  newId: NewId,
): Promise<DamagedRecord[]> {
  const { tx, at, putRows, dropRows } = transaction
  const records = damage.map((each): DamagedRecord => ({ ...each, id: newId(), at }))
  await tx.putMany('damaged', records)
  for (const { store, key } of damage)
    await tx.deleteMany(store as StoreName, [key as Keys[StoreName]])

  const rows = damage.filter(({ store }) => store === 'rows')
  for (const { key } of rows) {
    const [table, id] = key as Keys['rows']
    const mutations = await tx.scan('queue', { index: 'row', equals: [table, id] })
    const record = rebase({ table, id, version: null }, null, mutations)
    if (record) await putRows([record])
    else await dropRows([{ table, id }])
  }
  const tables = new Set(rows.map(({ key }) => (key as Keys['rows'])[0]))
  if (damage.some(({ store }) => store === 'meta') && !(await tx.get('meta', 'cursor'))) {
    const held = await tx.scan('rows')
    const resyncGeneration = held.reduce(
      (last, record) => Math.max(last, record.resyncGeneration ?? 0),
      0,
    )
    for (const { table } of held) tables.add(table)
    // Not a count any more, but one that nobody has asked for a page at.
    await tx.putMany('meta', [
      { name: 'cursor', cursor: null, pages: Date.parse(at), resyncGeneration },
    ])
  }
  if (tables.size > 0) {
    await startResync(tx, [...tables])
    // A page that is on its way has been asked for before.
    const place = await cursorOf(tx)
    await tx.putMany('meta', [{ ...place, pages: place.pages + 1 }])
  }
  if (damage.some(({ store }) => store === 'queue'))
    for (const record of (await tx.scan('rows')).filter(({ queued }) => queued)) {
      const { table, id } = record
      const mutations = await tx.scan('queue', { index: 'row', equals: [table, id] })
      if (mutations.length === record.queued) continue
      const next = rebase(record, baseRow(record), mutations)
      if (next) await putRows([next])
      else await dropRows([record])
    }
  return records
}
