import { assignServerIds, countWaitingForId } from '../database/temporary-ids.ts'
import type { SyncContext } from './context.ts'

/**
 * Fetches ids of the server for rows with temporary ids, and assigns them. Resolves to true where a row had a
 * temporary id.
 */
export async function assignIds({
  settings: { serverKeys },
  store,
  requests,
  events,
}: SyncContext): Promise<boolean> {
  if (serverKeys.size === 0) return false
  const waiting = await store.read((tx) => countWaitingForId(tx, serverKeys))
  for (const [table, rows] of waiting) {
    const args = { table, count: Math.min(rows, 10_000) }
    const ids = await requests.call<string[]>('sync_new_ids', args)
    const assigned = await store.write('remote', (transaction) =>
      assignServerIds(transaction, table, ids),
    )
    for (const each of assigned) events.emit('key_assigned', each)
  }
  return waiting.size > 0
}
