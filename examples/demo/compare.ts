import { isDeepStrictEqual } from 'node:util'
import type { Sql } from 'postgres'
import type { Row } from '../../client/src/index.ts'
import type { Device } from './device.ts'

export interface Comparison {
  rows: number
  values: number
  differences: string[]
}

/** A device against the database: every row and every column of both tables. */
export async function compareWithDatabase(sql: Sql, { sync, owner }: Device): Promise<Comparison> {
  const total: Comparison = { rows: 0, values: 0, differences: [] }
  for (const table of ['cities', 'countries'] as const) {
    const theirs = await sql<{ row: Row }[]>`
      select row_to_json(t) as row from public.${sql(table)} t
      where deleted_at is null ${table === 'countries' ? sql`and user_id = ${owner.id}` : sql``}`
    const mine = (await sync.table(table).list()) as unknown as Row[]
    const { rows, values, differences } = compareRows(
      table,
      mine,
      theirs.map(({ row }) => row),
    )
    total.rows += rows
    total.values += values
    total.differences.push(...differences)
  }
  return total
}

/** Rows of a device against rows of the database, by id. */
export function compareRows(table: string, mine: Row[], theirs: Row[]): Comparison {
  const held = new Map(mine.map((row) => [String(row.id), row]))
  const differences: string[] = []
  let values = 0
  for (const row of theirs) {
    const id = String(row.id)
    const own = held.get(id)
    held.delete(id)
    if (!own) {
      differences.push(`${table} ${id} is missing on the device`)
      continue
    }
    for (const column of new Set([...Object.keys(row), ...Object.keys(own)])) {
      values++
      if (!isDeepStrictEqual(own[column], row[column]))
        differences.push(
          `${table} ${id} ${column}: ${JSON.stringify(own[column])} on the device, ${JSON.stringify(row[column])} in the database`,
        )
    }
  }
  for (const id of held.keys()) differences.push(`${table} ${id} is only on the device`)
  return { rows: theirs.length, values, differences }
}
