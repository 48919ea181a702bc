import { ValidationError } from '../model/errors.ts'
import type { RowRecord } from '../model/records.ts'
import type { Row } from '../model/row.ts'
import { rebase, withoutTombstone } from '../model/row.ts'
import type { Change, PullAnswer } from '../model/wire.ts'
import { cursorOf } from './meta.ts'
import {
  dropUnmetRows,
  releaseRows,
  rowsNotPulled,
  rowsWithoutScope,
  startResync,
} from './resync.ts'
import type { WriteTransaction } from './write-transaction.ts'

/** The half of a pull's answer that is kept. */
export type Page = Pick<PullAnswer, 'changes' | 'left' | 'cursor' | 'reset'> &
  Partial<Pick<PullAnswer, 'joined' | 'more'>>

/** What a page was asked for. */
export interface PageRequest {
  /** The count of pages at which it was asked for. */
  pages: number
  /** Tables that it covers. */
  tables: readonly string[]
  /** All tables that the device holds, with the column that is the primary key. */
  keys: ReadonlyMap<string, string>
}

/**
 * Takes a page into the rows, and its cursor with it. If the store has gone on since the page was asked
 * for, the page is stale, nothing is done and the result is undefined. Otherwise it is the number of rows
 * that are news to this device.
 */
export async function applyPage(
  draft: WriteTransaction,
  page: Page,
  { pages, tables, keys }: PageRequest,
): Promise<number | undefined> {
  const { tx } = draft
  const from = await cursorOf(tx)
  if (from.pages !== pages) return undefined
  // A download that begins also says what has become of rows that were pushed before it and never pulled:
  // they may be gone already, with their scope or with a database that was put back.
  const first = from.cursor === null && (await rowsNotPulled(tx)).length > 0
  if (page.reset || first) await startResync(tx, [...keys.keys()])
  const place = await cursorOf(tx)
  const sweeping = place.resyncingTables ?? []
  let news = 0
  for (const scope of page.left)
    news += await releaseRows(draft, await tx.scan('rows', { index: 'scope', equals: [scope] }))
  if (page.left.length > 0) news += await releaseRows(draft, await rowsWithoutScope(tx))
  for (const change of page.changes) {
    const sweep = sweeping.includes(change.table) ? place.resyncGeneration : undefined
    news += await upsert(draft, change, keys.get(change.table) ?? 'id', sweep)
    news += await remove(draft, change)
  }
  const scopes = new Set(place.scopes)
  // A scope that is left and joined on one page, for another role in it, is one of ours.
  for (const scope of page.left) scopes.delete(scope)
  for (const scope of page.joined ?? []) scopes.add(scope)
  for (const { scope } of page.changes) scopes.add(scope)
  const done = page.more ? [] : sweeping.filter((table) => tables.includes(table))
  for (const table of done) news += await dropUnmetRows(draft, table, place.resyncGeneration)
  await tx.putMany('meta', [
    {
      ...place,
      cursor: page.cursor ?? null,
      pages: pages + 1,
      scopes: [...scopes],
      resyncingTables: sweeping.filter((table) => !done.includes(table)),
    },
  ])
  return news
}

async function upsert(
  { tx, putRows }: WriteTransaction,
  change: Change,
  key: string,
  sweep: number | undefined,
): Promise<number> {
  const { table, scope } = change
  const rows = change.upsert.filter(withoutTombstone)
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
    // Versions of before a restore say nothing about those after it.
    const comparable = sweep === undefined || before?.resyncGeneration === sweep
    if (before && comparable && (before.version ?? 0) > (version ?? Infinity)) continue
    if (before?.version !== version) news++
    const record = { table, id: ids[place]!, version, scope, ...(sweep !== undefined && { sweep }) }
    const edits = before?.queued
      ? await tx.scan('queue', { index: 'row', equals: [table, record.id] })
      : []
    records.push(rebase(record, row, edits)!)
  }
  await putRows(records)
  return news
}

async function remove(draft: WriteTransaction, change: Change): Promise<number> {
  if (change.remove.length === 0) return 0
  const held = await draft.tx.getMany(
    'rows',
    change.remove.map((id) => [change.table, id] as const),
  )
  return releaseRows(
    draft,
    held.filter(
      (record) => record !== undefined && (!record.scope || record.scope === change.scope),
    ) as RowRecord[],
  )
}

function idOf(row: Row, table: string, key: string): string {
  const id = row[key]
  if (id == null)
    throw new ValidationError({
      code: 'no_key',
      message: `Rows of ${table} have no column ${key}.`,
      hint: `Name it: tables: [{ name: '${table}', key: '…' }].`,
    })
  return String(id)
}
