import { sortAndLimit, type Filter, type ListOptions, matcher } from '../model/query.ts'
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

/** Rows of a table that a commit changed: id → row, null where the row was removed. */
type ChangedRows = Map<string, Row | null>

/**
 * Calls `fn` with the matching rows now and after every commit that changes one of them. The store is read once;
 * after that the rows are updated from the commits. Returns an unsubscribe function.
 */
export function live(
  store: Store,
  table: string,
  filter: Filter<Row> | undefined,
  options: ListOptions<Row> | undefined,
  fn: (rows: Row[]) => void,
): () => void {
  const filterMatches = matcher(filter)
  const matches = (row: Row) => callSafely(`a filter of ${table}`, () => filterMatches(row))
  /** The matching rows; undefined until the store has been read. */
  let rows: Map<string, Row> | undefined
  let commitsBeforeRead: ChangedRows[] = []
  let ended = false
  let readFailed = false
  let notificationDue = false

  function applyCommit(changed: ChangedRows): void {
    for (const [id, row] of changed) {
      const included = rows!.has(id)
      const include = row !== null && matches(row)
      if (!included && !include) continue
      if (include) rows!.set(id, row)
      else rows!.delete(id)
      notificationDue = true
    }
  }

  /** Calls `fn` in a microtask, once for all commits until then. */
  function notify(): void {
    if (!notificationDue) return
    queueMicrotask(() => {
      if (!notificationDue || ended) return
      notificationDue = false
      const sorted = [...rows!].sort(([a], [b]) => (a < b ? -1 : 1)).map(([, row]) => row)
      callSafely(`a subscriber of ${table}`, () => fn(sortAndLimit(sorted, options)))
    })
  }

  async function readRows(): Promise<void> {
    const all = await rowsOf(store, table)
    rows = new Map([...all].filter(([, row]) => matches(row)))
    for (const changed of commitsBeforeRead) applyCommit(changed)
    commitsBeforeRead = []
    notificationDue = true
    notify()
  }

  /** Reads the rows. After a failure the next commit reads again. */
  function tryRead(): void {
    readFailed = false
    readRows().catch((error: unknown) => {
      readFailed = true
      console.error(`tidemark: ${table} cannot be read`, error)
    })
  }

  const unsubscribe = store.onCommit(({ rows: changedRows }) => {
    const changed = changedRows.get(table)
    if (!changed) return
    if (rows) applyCommit(changed)
    else commitsBeforeRead.push(changed)
    if (readFailed) tryRead()
    notify()
  })
  tryRead()
  return () => {
    ended = true
    unsubscribe()
  }
}
