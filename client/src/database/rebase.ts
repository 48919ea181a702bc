import type { QueuedMutation, RowRecord } from '../model/records.ts'
import type { Row } from '../model/row.ts'

/** A row as the app sees it, with the columns that stay on this device. */
export const visibleRow = ({ row, local }: Pick<RowRecord, 'row' | 'local'>): Row | null =>
  row && local ? { ...row, ...local } : row

/** A row after a mutation; null where it is removed, or where a patch has no row to change. */
export function applyMutation(
  row: Row | null,
  { op, data }: Pick<QueuedMutation, 'op' | 'data'>,
): Row | null {
  if (op === 'delete') return null
  if (op === 'patch' && row === null) return null
  return { ...row, ...data }
}

/** The server's row of a record, without the queued mutations. */
export const baseRow = (record: RowRecord): Row | null =>
  record.queued ? (record.base ?? null) : record.row

/**
 * The record of a row: the server's row (`base`) with the queued mutations on top, oldest first. Undefined where
 * there is neither a row nor a mutation, and so nothing to store.
 */
export function rebase(
  { table, id, version, scope, resyncGeneration }: Omit<RowRecord, 'row' | 'queued' | 'base'>,
  base: Row | null,
  mutations: readonly Pick<QueuedMutation, 'op' | 'data'>[],
): RowRecord | undefined {
  if (mutations.length === 0 && base === null) return undefined
  return {
    table,
    id,
    row: mutations.reduce(applyMutation, base),
    version,
    ...(scope !== undefined && { scope }),
    ...(resyncGeneration !== undefined && { resyncGeneration }),
    ...(mutations.length > 0 && { queued: mutations.length, base }),
  }
}
