import type { QueuedMutation, RowRecord } from './records.ts'

/** Column name → JSON value, as PostgREST prints it. */
export type Row = Record<string, unknown>

/** Columns that belong to the server; a device shows them and never sends them. */
const SERVER_COLUMNS = new Set(['version', 'updated_at', 'deleted_at'])

/** The part of a row that an edit may carry, as plain JSON: dates become text, `undefined` goes. */
export function editable(row: Row): Row {
  const plain = JSON.parse(JSON.stringify(row)) as Row
  for (const column of SERVER_COLUMNS) delete plain[column]
  return plain
}

/** The server's row, or null where it is a tombstone. */
export const withoutTombstone = (row: Row): Row | null => (row.deleted_at == null ? row : null)

/** A copy that the app may change without touching the store. */
export function copyRow(row: Row): Row {
  const result = { ...row }
  for (const column in result) {
    const value = result[column]
    if (typeof value === 'object' && value !== null) result[column] = structuredClone(value)
  }
  return result
}

/** A row as the app sees it: with the columns that stay on this device. */
export const visibleRow = ({ row, local }: Pick<RowRecord, 'row' | 'local'>): Row | null =>
  row && local ? { ...row, ...local } : row

/** A row after an edit; null where it is gone or was never there. */
export function applyMutation(
  row: Row | null,
  { op, data }: Pick<QueuedMutation, 'op' | 'data'>,
): Row | null {
  if (op === 'delete') return null
  if (op === 'patch' && row === null) return null
  return { ...row, ...data }
}

/** The server's row as a record knows it, whatever the queue has on top. */
export const baseRow = (record: RowRecord): Row | null =>
  record.queued ? (record.base ?? null) : record.row

/**
 * A record made of the server's row and the edits that wait on top of it, oldest first. Undefined
 * where nothing is left to hold.
 */
export function rebase(
  { table, id, version, scope, resyncGeneration }: Omit<RowRecord, 'row' | 'edits' | 'base'>,
  base: Row | null,
  edits: readonly Pick<QueuedMutation, 'op' | 'data'>[],
): RowRecord | undefined {
  if (edits.length === 0 && base === null) return undefined
  return {
    table,
    id,
    row: edits.reduce(applyMutation, base),
    version,
    ...(scope !== undefined && { scope }),
    ...(resyncGeneration !== undefined && { resyncGeneration }),
    ...(edits.length > 0 && { queued: edits.length, base }),
  }
}
