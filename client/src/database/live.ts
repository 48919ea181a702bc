import { copy, same, seen } from '../model/row.ts'
import type { Row } from '../model/row.ts'
import { safely } from '../util/call-safely.ts'
import type { Store } from './store.ts'

/**
 * Which rows: columns that must have these values, or a function that says so. A row at which it throws a
 * subscription takes for one that does not match; a list rejects.
 */
export type Filter<R> = { [Column in keyof R]?: R[Column] } | ((row: R) => boolean)

/** How a list is ordered and cut. Without `order` rows come by primary key. */
export interface ListOptions<R> {
  /** Column to sort by; nulls last. An array sorts by the first column, then the next. */
  order?: Order<R> | readonly Order<R>[]
  limit?: number
  offset?: number
}

export type Order<R> = (keyof R & string) | { column: keyof R & string; ascending?: boolean }

export function matcher(filter: Filter<Row> | undefined): (row: Row) => boolean {
  if (filter === undefined) return () => true
  if (typeof filter === 'function') return filter
  const wanted = Object.entries(filter).filter(([, value]) => value !== undefined)
  return (row) => wanted.every(([column, value]) => same(row[column] ?? null, value))
}

function compare(a: unknown, b: unknown): number {
  if (a === b) return 0
  if (a == null || b == null) return a == null ? (b == null ? 0 : 1) : -1
  return (a as string) < (b as string) ? -1 : (a as string) > (b as string) ? 1 : 0
}

/** Rows sorted and cut, as copies that the app may change. */
export function arrange(
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
  return sorted.slice(offset, limit === undefined ? undefined : offset + limit).map(copy)
}

/** The rows of a table that the app sees, by primary key. */
export const rowsOf = (store: Store, table: string): Promise<Map<string, Row>> =>
  store.read(async (tx) => {
    const records = await tx.scan('rows', { index: 'table', equals: [table] })
    return new Map(
      records.flatMap((record) => {
        const row = seen(record)
        return row ? [[record.id, row] as const] : []
      }),
    )
  })

/**
 * Calls `fn` with the matching rows now and after every commit that touches one of them. What is read
 * once is kept up from the commits; the store is not read again.
 */
export function live(
  store: Store,
  table: string,
  filter: Filter<Row> | undefined,
  options: ListOptions<Row> | undefined,
  fn: (rows: Row[]) => void,
): () => void {
  const asked = matcher(filter)
  const matches = (row: Row) => safely(`a filter of ${table}`, () => asked(row))
  let rows: Map<string, Row> | undefined
  let missed: Map<string, Row | null>[] = []
  let ended = false
  let unread = false
  let due = false

  function take(changed: Map<string, Row | null>): void {
    for (const [id, row] of changed) {
      const known = rows!.has(id)
      const fits = row !== null && matches(row)
      if (!known && !fits) continue
      if (fits) rows!.set(id, row)
      else rows!.delete(id)
      due = true
    }
  }

  /** Commits of one turn are told of together. */
  function tell(): void {
    if (!due) return
    queueMicrotask(() => {
      if (!due || ended) return
      due = false
      const sorted = [...rows!].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
      safely(`a subscriber of ${table}`, () => fn(arrange(sorted, options)))
    })
  }

  const end = store.onCommit(({ rows: changes }) => {
    const changed = changes.get(table)
    if (!changed) return
    if (rows) take(changed)
    else missed.push(changed)
    if (unread) read()
    tell()
  })
  async function begin(): Promise<void> {
    const all = await rowsOf(store, table)
    rows = new Map([...all].filter(([, row]) => matches(row)))
    for (const changed of missed) take(changed)
    missed = []
    due = true
    tell()
  }
  /** What cannot be read now is tried again at the next commit. */
  function read(): void {
    unread = false
    begin().catch((error: unknown) => {
      unread = true
      console.error(`tidemark: ${table} cannot be read`, error)
    })
  }
  read()
  return () => {
    ended = true
    end()
  }
}
