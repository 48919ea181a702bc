import type { CollectionConfig } from '@tanstack/db'
import type { Table } from '../../api/table.ts'
import type { Row } from '../../model/row.ts'
import { sameJson } from '../../util/json.ts'

/** What {@link tidemarkCollectionOptions} takes. */
export interface CollectionOptions<R extends object> {
  table: Table<R, R, Partial<R>>
  /** Name of the collection. */
  id?: string
  /** Column of the primary key. Default `id`. */
  key?: keyof R & string
}

/** Lets go on when the subscribers have been told of what is committed. */
const told = (): Promise<void> => new Promise((resolve) => setTimeout(resolve, 0))

/**
 * A table as a TanStack DB collection: `createCollection(tidemarkCollectionOptions({ table }))`. Its rows
 * are those on this device, and what is written to it is an edit of the table. Whoever inserts gives the
 * key, since a collection needs one from the start.
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
        let held = new Map<string | number, R>()
        return table.subscribe((rows) => {
          const found = new Map(rows.map((row) => [keyOf(row), row]))
          begin()
          for (const [key, value] of found) {
            const before = held.get(key)
            if (!before) write({ type: 'insert', value })
            else if (!sameJson(before, value)) write({ type: 'update', value })
          }
          for (const [key, value] of held) if (!found.has(key)) write({ type: 'delete', value })
          commit()
          held = found
          markReady()
        })
      },
    },
    async onInsert({ transaction }) {
      await table.insertMany(transaction.mutations.map(({ modified }) => modified))
      await told()
    },
    async onUpdate({ transaction }) {
      for (const { key, changes } of transaction.mutations)
        await table.update(key as string | number, changes as Partial<R>)
      await told()
    },
    async onDelete({ transaction }) {
      for (const { key } of transaction.mutations) await table.remove(key as string | number)
      await told()
    },
  }
}
