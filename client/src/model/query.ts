import { sameJson } from '../util/json.ts'
import { copyRow, type Row } from './row.ts'

/**
 * Which rows match: columns with their required values, or a function. Where the function throws for a row,
 * a subscription leaves the row out, and a list rejects.
 */
export type Filter<R> = { [Column in keyof R]?: R[Column] } | ((row: R) => boolean)

/** How a list is ordered and limited. Without `order` rows are ordered by primary key. */
export interface ListOptions<R> {
  /** Column to sort by; nulls last. An array sorts by the first column, then the next. */
  order?: Order<R> | readonly Order<R>[]
  limit?: number
  offset?: number
}

export type Order<R> = (keyof R & string) | { column: keyof R & string; ascending?: boolean }

/** A function that says whether a row matches `filter`. */
export function matcher(filter: Filter<Row> | undefined): (row: Row) => boolean {
  if (filter === undefined) return () => true
  if (typeof filter === 'function') return filter
  const conditions = Object.entries(filter).filter(([, value]) => value !== undefined)
  return (row) => conditions.every(([column, value]) => sameJson(row[column] ?? null, value))
}

/** Compares two values for sorting, nulls last. */
function compare(a: unknown, b: unknown): number {
  if (a === b) return 0
  if (a == null || b == null) return a == null ? (b == null ? 0 : 1) : -1
  return (a as string) < (b as string) ? -1 : (a as string) > (b as string) ? 1 : 0
}

/** Rows sorted and limited, as copies that the app may change. */
export function sortAndLimit(
  rows: readonly Row[],
  { order = [], limit, offset = 0 }: ListOptions<Row> = {},
): Row[] {
  const orders = [order].flat().map((by) => (typeof by === 'string' ? { column: by } : by))
  const sorted =
    orders.length === 0
      ? rows
      : rows.toSorted((a, b) => {
          for (const { column, ascending = true } of orders as {
            column: string
            ascending?: boolean
          }[]) {
            const x = a[column]
            const y = b[column]
            const sign = compare(x, y)
            if (sign !== 0) return x == null || y == null || ascending ? sign : -sign
          }
          return 0
        })
  return sorted.slice(offset, limit === undefined ? undefined : offset + limit).map(copyRow)
}
