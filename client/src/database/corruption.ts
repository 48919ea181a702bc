import { type Damage, StorageError } from '../model/errors.ts'
import type { NewId } from '../util/uuid.ts'
import { cursorOf } from './meta.ts'
import { startAfresh } from './apply-page.ts'
import { baseOf, stack } from '../model/row.ts'
import type { DamagedRecord, Keys, StoreName } from '../storage/contract.ts'
import type { Draft, Store } from './store.ts'

/** Records that could not be read. They are out of the way, and kept for whoever wants to look. */
export interface Damaged {
  list(): Promise<DamagedRecord[]>
  /** Throws them away. Resolves to how many. */
  clear(): Promise<number>
}

const nameOf = ({ store, key }: Damage): string => JSON.stringify([store, key])

/** Sees to damage, and to what else cannot be read on the way. */
export async function withOthers<T>(
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
    return withOthers([...damage, ...more], see)
  }
}

/**
 * Moves damaged records out of the way, so that the rest goes on. A row without its record is made again
 * of its queued edits, and comes from the server with the next pull; an edit without its record no longer
 * shows in its row.
 */
export async function setAside(
  draft: Draft,
  damage: readonly Damage[],
  newId: NewId,
): Promise<DamagedRecord[]> {
  const { tx, at, put, drop } = draft
  const records = damage.map((each): DamagedRecord => ({ ...each, id: newId(), at }))
  await tx.putMany('damaged', records)
  for (const { store, key } of damage)
    await tx.deleteMany(store as StoreName, [key as Keys[StoreName]])

  const rows = damage.filter(({ store }) => store === 'rows')
  for (const { key } of rows) {
    const [table, id] = key as Keys['rows']
    const edits = await tx.scan('queue', { index: 'row', equals: [table, id] })
    const record = stack({ table, id, version: null }, null, edits)
    if (record) await put([record])
    else await drop([{ table, id }])
  }
  const tables = new Set(rows.map(({ key }) => (key as Keys['rows'])[0]))
  if (damage.some(({ store }) => store === 'meta') && !(await tx.get('meta', 'cursor'))) {
    const held = await tx.scan('rows')
    const sweep = held.reduce((last, record) => Math.max(last, record.sweep ?? 0), 0)
    for (const { table } of held) tables.add(table)
    // Not a count any more, but one that nobody has asked for a page at.
    await tx.putMany('meta', [{ name: 'cursor', cursor: null, pages: Date.parse(at), sweep }])
  }
  if (tables.size > 0) {
    await startAfresh(tx, [...tables])
    // A page that is on its way has been asked for before.
    const place = await cursorOf(tx)
    await tx.putMany('meta', [{ ...place, pages: place.pages + 1 }])
  }
  if (damage.some(({ store }) => store === 'queue'))
    for (const record of (await tx.scan('rows')).filter(({ edits }) => edits)) {
      const { table, id } = record
      const edits = await tx.scan('queue', { index: 'row', equals: [table, id] })
      if (edits.length === record.edits) continue
      const next = stack(record, baseOf(record), edits)
      if (next) await put([next])
      else await drop([record])
    }
  return records
}

/** The damaged records as the app sees them. */
export function createDamaged(store: Store): Damaged {
  return {
    list: () => store.read((tx) => tx.scan('damaged')),
    clear: () =>
      store.write('local', async ({ tx }) => {
        const records = await tx.scan('damaged')
        await tx.deleteMany(
          'damaged',
          records.map(({ id }) => id),
        )
        return records.length
      }),
  }
}
