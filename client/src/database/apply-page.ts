import { ValidationError } from '../model/errors.ts'
import type { CursorRecord, RowRecord } from '../model/records.ts'
import type { Row } from '../model/row.ts'
import { withoutTombstone } from '../model/row.ts'
import type { Change, PullAnswer } from '../model/wire.ts'
import type { Transaction } from '../storage/contract.ts'
import { cursorOf } from './meta.ts'
import { rebase } from './rebase.ts'
import {
  dropStaleRows,
  releaseRows,
  rowsNotPulled,
  rowsWithoutScope,
  startResync,
} from './resync.ts'
import type { WriteTransaction } from './write-transaction.ts'

/** A page holds the fields of a pull response that the store needs. */
export type Page = Pick<PullAnswer, 'changes' | 'left' | 'cursor' | 'reset'> &
  Partial<Pick<PullAnswer, 'joined' | 'more'>>

/** The request of a page. */
export interface PageRequest {
  /** Number of pages that were applied when the page was requested. */
  pages: number
  /** Tables that the page covers. */
  tables: readonly string[]
  /** All tables of this device, each with the column of its primary key. */
  keys: ReadonlyMap<string, string>
}

/**
 * Applies a page to the rows and stores its cursor, in the given transaction. Starts a resync if the page says so, and
 * ends a resync with the last page. Resolves to the number of changes on this device. Does nothing and resolves to
 * undefined if another page has been applied since the request: then the page is stale.
 */
export async function applyPage(
  transaction: WriteTransaction,
  page: Page,
  { pages, tables, keys }: PageRequest,
): Promise<number | undefined> {
  const { tx } = transaction
  if ((await cursorOf(tx)).pages !== pages) return undefined
  if (page.reset || (await initialSyncMeetsPushedRows(tx))) await startResync(tx, [...keys.keys()])
  const cursor = await cursorOf(tx)
  const resyncing = cursor.resyncingTables ?? []
  let changed = await releaseRowsOfLeftScopes(transaction, page.left)
  for (const change of page.changes) {
    const generation = resyncing.includes(change.table) ? cursor.resyncGeneration : undefined
    changed += await upsertRows(transaction, change, keys.get(change.table) ?? 'id', generation)
    changed += await releaseRemovedRows(transaction, change)
  }
  const finished = page.more ? [] : resyncing.filter((table) => tables.includes(table))
  for (const table of finished)
    changed += await dropStaleRows(transaction, table, cursor.resyncGeneration)
  await tx.putMany('meta', [
    {
      ...cursor,
      cursor: page.cursor ?? null,
      pages: pages + 1,
      scopes: scopesAfter(cursor, page),
      resyncingTables: resyncing.filter((table) => !finished.includes(table)),
    },
  ])
  return changed
}

/**
 * Whether an initial sync is about to begin (no cursor yet) in a store with rows that were pushed and never pulled. The
 * initial sync has to show which of these rows still exist, as a resync does: the user may have left their scope, or
 * the database may have been restored.
 */
async function initialSyncMeetsPushedRows(tx: Transaction): Promise<boolean> {
  return (await cursorOf(tx)).cursor === null && (await rowsNotPulled(tx)).length > 0
}

/**
 * Releases the rows of scopes that the user has left. Rows whose scope no pull has named yet may be of these scopes and
 * go as well; a row that stays visible comes with a later page. Resolves to the number of released rows.
 */
async function releaseRowsOfLeftScopes(
  transaction: WriteTransaction,
  left: readonly string[],
): Promise<number> {
  const { tx } = transaction
  let released = 0
  for (const scope of left)
    released += await releaseRows(
      transaction,
      await tx.scan('rows', { index: 'scope', equals: [scope] }),
    )
  if (left.length > 0) released += await releaseRows(transaction, await rowsWithoutScope(tx))
  return released
}

/** The scopes of this device after a page. A scope that the page names as left and as joined stays in the list. */
function scopesAfter(cursor: CursorRecord, page: Page): string[] {
  const scopes = new Set(cursor.scopes)
  for (const scope of page.left) scopes.delete(scope)
  for (const scope of page.joined ?? []) scopes.add(scope)
  for (const { scope } of page.changes) scopes.add(scope)
  return [...scopes]
}

/**
 * Stores the rows of a change and rebases queued mutations on them. Skips tombstones, and rows that are older than the
 * stored ones. `resyncGeneration` is set while the table resyncs. Resolves to the number of rows whose version differs
 * from the stored one.
 */
async function upsertRows(
  { tx, putRows }: WriteTransaction,
  change: Change,
  key: string,
  resyncGeneration: number | undefined,
): Promise<number> {
  const { table, scope } = change
  const rows = change.upsert.filter(withoutTombstone)
  const ids = rows.map((row) => idOf(row, table, key))
  const storedRecords = await tx.getMany(
    'rows',
    ids.map((id) => [table, id] as const),
  )
  const records: RowRecord[] = []
  let changed = 0
  for (const [index, row] of rows.entries()) {
    const stored = storedRecords[index]
    const version = typeof row.version === 'number' ? row.version : null
    // A resync may follow a restored database, whose versions are not comparable with the stored ones.
    const comparable =
      resyncGeneration === undefined || stored?.resyncGeneration === resyncGeneration
    if (stored && comparable && (stored.version ?? 0) > (version ?? Infinity)) continue
    if (stored?.version !== version) changed++
    const record = {
      table,
      id: ids[index]!,
      version,
      scope,
      ...(resyncGeneration !== undefined && { resyncGeneration }),
    }
    const mutations = stored?.queued
      ? await tx.scan('queue', { index: 'row', equals: [table, record.id] })
      : []
    records.push(rebase(record, row, mutations)!)
  }
  await putRows(records)
  return changed
}

/**
 * Releases the rows that a change removes from its scope, except rows that are stored under another scope by now.
 * Resolves to the number of released rows.
 */
async function releaseRemovedRows(transaction: WriteTransaction, change: Change): Promise<number> {
  if (change.remove.length === 0) return 0
  const records = await transaction.tx.getMany(
    'rows',
    change.remove.map((id) => [change.table, id] as const),
  )
  return releaseRows(
    transaction,
    records
      .filter((record) => record !== undefined)
      .filter(({ scope }) => !scope || scope === change.scope),
  )
}

/** The primary key of a row as text. Throws `no_key` if the row has no value there. */
function idOf(row: Row, table: string, key: string): string {
  const id = row[key]
  if (id == null)
    throw new ValidationError({
      code: 'no_key',
      message: `Rows of ${table} have no value in column ${key}.`,
      hint: `Name the primary key: tables: [{ name: '${table}', key: '…' }].`,
    })
  return String(id)
}
