import { nextMark, type Setting } from './setting.ts'
import { keyValue, type Row, type TableName, tables } from './tables.ts'

/** What an edit makes of a row. Numbers choose the columns and the values. */

/** A whole new row, with the mark of its edit. */
export function newRow(
  table: TableName,
  id: string,
  value: number,
  setting: Setting,
  mark: string,
): Row {
  const { columns, marked } = tables[table]
  const row: Row = { id: keyValue(table, id) }
  for (const [name, make] of Object.entries(columns)) row[name] = make(value, setting)
  if (marked) row[marked] = mark
  return row
}

/** A new row that an app makes: mostly of its own user, and some columns are left to their defaults. */
export function insertedRow(
  table: TableName,
  id: string,
  value: number,
  user: string,
  setting: Setting,
): Row {
  const row = newRow(table, id, value, setting, nextMark(setting, 'e'))
  if (table === 'notes' && value !== 7) row.user_id = user
  if (table === 'docs' && value % 5 === 0) delete row.title
  return row
}

/** The columns that an app changes in a row that it is shown. Most edits leave a mark. */
export function changedColumns(
  table: TableName,
  chosen: readonly number[],
  value: number,
  shown: Row,
  setting: Setting,
): Row {
  const { columns, marked, summed } = tables[table]
  const names = Object.keys(columns)
  const data: Row = {}
  for (const [n, place] of chosen.entries()) {
    const name = names[place % names.length]!
    data[name] = columns[name]!(value + n, setting)
  }
  if (summed && summed in data && typeof shown[summed] === 'number')
    data[summed] = shown[summed] + value + 1
  if (marked && value % 3 !== 0) data[marked] = nextMark(setting, 'e')
  return data
}
