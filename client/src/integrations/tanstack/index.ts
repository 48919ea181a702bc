import type { CollectionConfig } from '@tanstack/db'
import type { Table } from '../../api/table.ts'
import type { Row } from '../../model/row.ts'
import { sameJson } from '../../util/json.ts'

/** Options of {@link tidemarkCollectionOptions}. */
export interface CollectionOptions<R extends object> {
  table: Table<R, R, Partial<R>>
  /** Name of the collection. */
  id?: string
  /** Column of the primary key. Default `id`. */
  key?: keyof R & string
}

/** Resolves when the subscribers have been called with the committed rows. */
const subscribersNotified = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))

/**
 * A table as a TanStack DB collection: `createCollection(tidemarkCollectionOptions({ table }))`. The collection has the
 * rows of this device, and its mutations are edits of the table. An insert must have a key, which a collection needs
 * from the start.
 */
export function tidemarkCollectionOptions<R extends object = Row>({
  table,
  id,
  key = 'id' as keyof R & string,
}: CollectionOptions<R>): CollectionConfig<R, string | number> {
  const keyOf = (row: R): string | number => row[key] as string | number
  return {
    ...(id !== undefined && { id }),
    getKey: keyOf,
    sync: {
      rowUpdateMode: 'full',
      sync({ begin, write, commit, markReady }) {
        let currentRows = new Map<string | number, R>()
        return table.subscribe((rows) => {
          const nextRows = new Map(rows.map((row) => [keyOf(row), row]))
          begin()
          for (const [key, value] of nextRows) {
            const before = currentRows.get(key)
            if (!before) write({ type: 'insert', value })
            else if (!sameJson(before, value)) write({ type: 'update', value })
          }
          for (const [key, value] of currentRows)
            if (!nextRows.has(key)) write({ type: 'delete', value })
          commit()
          currentRows = nextRows
          markReady()
        })
      },
    },
    async onInsert({ transaction }) {
      await table.insertMany(transaction.mutations.map(({ modified }) => modified))
      await subscribersNotified()
    },
    async onUpdate({ transaction }) {
      for (const { key, changes } of transaction.mutations)
        await table.update(key as string | number, changes as Partial<R>)
      await subscribersNotified()
    },
    async onDelete({ transaction }) {
      for (const { key } of transaction.mutations) await table.remove(key as string | number)
      await subscribersNotified()
    },
  }
}
