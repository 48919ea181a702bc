import type { Row } from './tables.ts'

export const keyOf = (table: string, id: unknown): string => `${table}/${String(id)}`

/** Rows, as `simulation.look` and `simulation.truth` answer. */
export type Looked = { table: string; row: Row }[]

/** Rows by `keyOf`. */
export type Rows = Map<string, Row>

export const byKey = (looked: Looked): Rows =>
  new Map(looked.map(({ table, row }) => [keyOf(table, row.id), row]))

/** Equality of JSON values. */
export function same(a: unknown, b: unknown): boolean {
  if (a === b) return true
  if (typeof a !== 'object' || typeof b !== 'object' || a === null || b === null) return false
  const keys = Object.keys(a)
  return (
    Array.isArray(a) === Array.isArray(b) &&
    keys.length === Object.keys(b).length &&
    keys.every((key) => key in b && same((a as Row)[key], (b as Row)[key]))
  )
}
