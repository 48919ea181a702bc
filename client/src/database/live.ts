import { arrange, type Filter, type ListOptions, matcher } from '../model/query.ts'
import type { Row } from '../model/row.ts'
import { callSafely } from '../util/call-safely.ts'
import { visibleRow } from './rebase.ts'
import type { Store } from './store.ts'

/** The rows of a table that the app sees, by primary key. */
export const rowsOf = (store: Store, table: string): Promise<Map<string, Row>> =>
  store.read(async (tx) => {
    const records = await tx.scan('rows', { index: 'table', equals: [table] })
    return new Map(
      records.flatMap((record) => {
        const row = visibleRow(record)
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
  const matches = (row: Row) => callSafely(`a filter of ${table}`, () => asked(row))
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
      callSafely(`a subscriber of ${table}`, () => fn(arrange(sorted, options)))
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
