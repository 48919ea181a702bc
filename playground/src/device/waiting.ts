import type { QueueItem, Sync } from '../../../client/src/index.ts'
import { useRead } from '../use.ts'

/** Edits in the queue by row. */
export type Waiting = ReadonlyMap<string, readonly QueueItem[]>

const nothing: Waiting = new Map()

const keyOf = (table: string, id: string): string => `${table}\n${id}`

export const useWaiting = (sync: Sync): Waiting =>
  useRead(
    sync,
    ['change', 'status', 'rejected'],
    async () => {
      const rows = new Map<string, QueueItem[]>()
      for (const item of await sync.queue.list()) {
        const key = keyOf(item.table, item.id)
        const items = rows.get(key)
        if (items) items.push(item)
        else rows.set(key, [item])
      }
      return rows
    },
    nothing,
  )

/** How a row stands, and which of its columns have not arrived. */
export interface RowWaiting {
  state: 'synced' | 'waiting' | 'refused'
  columns: ReadonlySet<string>
}

const synced: RowWaiting = { state: 'synced', columns: new Set() }

export function waitingOf(waiting: Waiting, table: string, id: string): RowWaiting {
  const items = waiting.get(keyOf(table, id))
  if (!items) return synced
  const columns = new Set(items.flatMap(({ data }) => Object.keys(data ?? {})))
  return { state: items.some(({ status }) => status === 'failed') ? 'refused' : 'waiting', columns }
}
