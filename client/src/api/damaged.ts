import type { Store } from '../database/store.ts'
import type { DamagedRecord } from '../model/records.ts'

/** Records that could not be read. They are out of the way, and kept for whoever wants to look. */
export interface Damaged {
  list(): Promise<DamagedRecord[]>
  /** Throws them away. Resolves to how many. */
  clear(): Promise<number>
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
