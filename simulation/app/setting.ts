import { randomUUID } from 'node:crypto'
import { newKey, type TableName, tableNames } from './tables.ts'

/** What values are made of: the users, the scopes and the rows of a history. */
export interface Setting {
  users: string[]
  trips: string[]
  clubs: string[]
  /** Keys of rows that there are or were, by table, oldest first. */
  ids: Record<TableName, string[]>
  /** How many edits were marked. */
  marks: number
}

/** Users, two trips and two clubs, of which there are no rows yet. */
export const newSetting = (users: number): Setting => ({
  users: Array.from({ length: users }, () => randomUUID()),
  trips: [randomUUID(), randomUUID()],
  clubs: [randomUUID(), randomUUID()],
  ids: Object.fromEntries(tableNames.map((name) => [name, [] as string[]])) as Setting['ids'],
  marks: 0,
})

/** A value that one edit alone writes: of an app (`e`), of plain SQL (`s`). */
export const nextMark = (setting: Setting, by: 'e' | 's'): string => `${by}${++setting.marks}`

export const isMark = (value: unknown): value is string => /^(bad )?[es]\d+$/.test(String(value))

/** Makes a row known to the history. */
export function know(setting: Setting, table: TableName, id: string): void {
  if (!setting.ids[table].includes(id)) setting.ids[table].push(id)
  if (table === 'trips' && !setting.trips.includes(id)) setting.trips.push(id)
}

export function newId(setting: Setting, table: TableName): string {
  const id = newKey(table)
  know(setting, table, id)
  return id
}
