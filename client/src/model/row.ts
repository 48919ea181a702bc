/** Column name → JSON value, as PostgREST prints it. */
export type Row = Record<string, unknown>

/** Columns that only the server writes; a device never sends them. */
const SERVER_COLUMNS = new Set(['version', 'updated_at', 'deleted_at'])

/** The columns that a mutation may contain, as plain JSON: dates become text, `undefined` is left out. */
export function editableColumns(row: Row): Row {
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
