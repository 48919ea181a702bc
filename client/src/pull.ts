import type { Change, PullAnswer } from '../../supabase/functions/_tidemark/wire.ts'
import { ValidationError } from './errors.ts'
import { omit } from './omit.ts'
import { alive, stack } from './row.ts'
import type { Row } from './row.ts'
import type { RowRecord } from './storage.ts'
import { cursorOf } from './store.ts'
import type { Draft } from './store.ts'

/** The half of a pull's answer that is kept. */
export type Page = Pick<PullAnswer, 'changes' | 'left' | 'cursor' | 'reset'>

/** Which column is a table's primary key. */
export type KeyColumn = (table: string) => string

/**
 * Takes a page into the rows, and its cursor with it. `pages` is the count at which the page was asked
 * for: if the store has gone on since, the page is stale, nothing is done and the result is undefined.
 * Otherwise it is the number of rows that are news to this device.
 */
export async function applyPage(
  draft: Draft,
  page: Page,
  pages: number,
  keyColumn: KeyColumn,
): Promise<number | undefined> {
  const { tx } = draft
  const place = await cursorOf(tx)
  if (place.pages !== pages) return undefined
  let news = 0
  if (page.reset) await forget(draft, await tx.scan('rows'))
  for (const scope of page.left)
    news += await forget(draft, await tx.scan('rows', { index: 'scope', equals: [scope] }))
  for (const change of page.changes) {
    news += await upsert(draft, change, keyColumn(change.table))
    news += await remove(draft, change)
  }
  await tx.putMany('meta', [{ ...place, cursor: page.cursor ?? null, pages: pages + 1 }])
  return news
}

/**
 * Drops rows that the server no longer shows us. One with queued edits stays in sight until the server
 * has said what becomes of them.
 */
async function forget({ put, drop }: Draft, records: readonly RowRecord[]): Promise<number> {
  await put(
    records
      .filter(({ edits }) => edits)
      .map((record) => ({ ...omit(record, 'scope'), base: null, version: null })),
  )
  await drop(records.filter(({ edits }) => !edits))
  return records.length
}

async function upsert({ tx, put }: Draft, change: Change, key: string): Promise<number> {
  const { table, scope } = change
  const rows = change.upsert.filter(alive)
  const ids = rows.map((row) => idOf(row, table, key))
  const held = await tx.getMany(
    'rows',
    ids.map((id) => [table, id] as const),
  )
  const records: RowRecord[] = []
  let news = 0
  for (const [place, row] of rows.entries()) {
    const before = held[place]
    const version = typeof row.version === 'number' ? row.version : null
    if (before && (before.version ?? 0) > (version ?? Infinity)) continue
    if (before?.version !== version) news++
    const record = { table, id: ids[place]!, version, scope }
    const edits = before?.edits
      ? await tx.scan('queue', { index: 'row', equals: [table, record.id] })
      : []
    records.push(stack(record, row, edits)!)
  }
  await put(records)
  return news
}

async function remove(draft: Draft, change: Change): Promise<number> {
  if (change.remove.length === 0) return 0
  const held = await draft.tx.getMany(
    'rows',
    change.remove.map((id) => [change.table, id] as const),
  )
  return forget(
    draft,
    held.filter(
      (record) =>
        record !== undefined && (record.scope === undefined || record.scope === change.scope),
    ) as RowRecord[],
  )
}

function idOf(row: Row, table: string, key: string): string {
  const id = row[key]
  if (id == null)
    throw new ValidationError({
      code: 'no_key',
      message: `Rows of ${table} have no column ${key}.`,
      hint: `Name its primary key: tables: [{ name: '${table}', key: '…' }].`,
    })
  return String(id)
}
