import type { Store } from '../database/store.ts'
import type { DamagedRecord } from '../model/records.ts'

/** Damaged records: they could not be read, and were moved out of their stores. */
export interface Damaged {
  list(): Promise<DamagedRecord[]>
  /** Deletes the damaged records. Resolves to their number. */
  clear(): Promise<number>
}

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
