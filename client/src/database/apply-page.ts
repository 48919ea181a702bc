import { ValidationError } from '../model/errors.ts'
import type { RowRecord } from '../model/records.ts'
import type { Row } from '../model/row.ts'
import { withoutTombstone } from '../model/row.ts'
import type { Change, PullAnswer } from '../model/wire.ts'
import { cursorOf } from './meta.ts'
import { rebase } from './rebase.ts'
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
  transaction: WriteTransaction,
  page: Page,
  { pages, tables, keys }: PageRequest,
): Promise<number | undefined> {
  const { tx } = transaction
  const from = await cursorOf(tx)
  if (from.pages !== pages) return undefined
  // A download that begins also says what has become of rows that were pushed before it and never pulled:
  // they may be gone already, with their scope or with a database that was put back.
  const first = from.cursor === null && (await rowsNotPulled(tx)).length > 0
  if (page.reset || first) await startResync(tx, [...keys.keys()])
  const place = await cursorOf(tx)
  const resyncing = place.resyncingTables ?? []
  let news = 0
  for (const scope of page.left)
    news += await releaseRows(
      transaction,
      await tx.scan('rows', { index: 'scope', equals: [scope] }),
    )
  if (page.left.length > 0) news += await releaseRows(transaction, await rowsWithoutScope(tx))
  for (const change of page.changes) {
    const resyncGeneration = resyncing.includes(change.table) ? place.resyncGeneration : undefined
    news += await upsert(transaction, change, keys.get(change.table) ?? 'id', resyncGeneration)
    news += await remove(transaction, change)
  }
  const scopes = new Set(place.scopes)
  // A scope that is left and joined on one page, for another role in it, is one of ours.
  for (const scope of page.left) scopes.delete(scope)
  for (const scope of page.joined ?? []) scopes.add(scope)
  for (const { scope } of page.changes) scopes.add(scope)
  const done = page.more ? [] : resyncing.filter((table) => tables.includes(table))
  for (const table of done) news += await dropUnmetRows(transaction, table, place.resyncGeneration)
  await tx.putMany('meta', [
    {
      ...place,
      cursor: page.cursor ?? null,
      pages: pages + 1,
      scopes: [...scopes],
      resyncingTables: resyncing.filter((table) => !done.includes(table)),
    },
  ])
  return news
}

async function upsert(
  { tx, putRows }: WriteTransaction,
  change: Change,
  key: string,
  resyncGeneration: number | undefined,
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
    const comparable =
      resyncGeneration === undefined || before?.resyncGeneration === resyncGeneration
    if (before && comparable && (before.version ?? 0) > (version ?? Infinity)) continue
    if (before?.version !== version) news++
    const record = {
      table,
      id: ids[place]!,
      version,
      scope,
      ...(resyncGeneration !== undefined && { resyncGeneration }),
    }
    const mutations = before?.queued
      ? await tx.scan('queue', { index: 'row', equals: [table, record.id] })
      : []
    records.push(rebase(record, row, mutations)!)
  }
  await putRows(records)
  return news
}

async function remove(transaction: WriteTransaction, change: Change): Promise<number> {
  if (change.remove.length === 0) return 0
  const held = await transaction.tx.getMany(
    'rows',
    change.remove.map((id) => [change.table, id] as const),
  )
  return releaseRows(
    transaction,
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
