import type { RowRecord } from '../model/records.ts'
import type { Transaction } from '../storage/contract.ts'
import { omit } from '../util/omit.ts'
import { cursorOf } from './meta.ts'
import type { WriteTransaction } from './write-transaction.ts'

/*
 * The initial sync and a resync both download every row from a null cursor; a resync keeps the rows that are stored
 * until it ends. The state is in `CursorRecord`:
 *
 * | state | `cursor` | `resyncingTables` |
 * | --- | --- | --- |
 * | initial sync not begun | null | none |
 * | following | a position in the log | none |
 * | resyncing | null, then a position | the tables of the resync |
 *
 * | state | event | next state |
 * | --- | --- | --- |
 * | initial sync not begun | a page; every stored row was pulled or has no version | following |
 * | initial sync not begun | a page; some rows were pushed and not pulled yet | resyncing |
 * | following | a page | following |
 * | any | a page with `reset` | resyncing, with that page as its first |
 * | any | the server cannot read the cursor; a damaged row; a pruning limit that was raised; `recover` | resyncing |
 * | resyncing | a page | resyncing; its rows get the number of the resync (`resyncGeneration`) |
 * | resyncing | the last page of the pull | following; rows without that number are dropped |
 */

/**
 * Rows that were pushed and that no page has delivered yet. They may be in a scope that was left before a pull: then
 * no page ever names them. Rows of other scopes are delivered by a later page.
 */
export async function rowsWithoutScope(tx: Transaction): Promise<RowRecord[]> {
  return (await tx.scan('rows')).filter(({ scope, queued }) => scope === undefined && !queued)
}

/** Begins a resync of `tables`: the next pull downloads everything, and the stored rows stay visible meanwhile. */
export async function startResync(tx: Transaction, tables: readonly string[]): Promise<void> {
  const cursor = await cursorOf(tx)
  // Only a row without a scope is kept when the resync ends: from here on, one that is pushed during the resync.
  await tx.putMany(
    'rows',
    (await rowsNotPulled(tx)).map((record) => ({ ...record, scope: '' })),
  )
  await tx.putMany('meta', [
    {
      ...omit(cursor, 'scopes', 'pruned'),
      cursor: null,
      pages: cursor.pages,
      resyncGeneration: (cursor.resyncGeneration ?? 0) + 1,
      resyncingTables: tables,
    },
  ])
}

/** Rows that were pushed and that no page has delivered yet, with or without newer mutations. */
export async function rowsNotPulled(tx: Transaction): Promise<RowRecord[]> {
  return (await tx.scan('rows')).filter(
    ({ scope, version }) => scope === undefined && version !== null,
  )
}

/** Drops the rows of a table that the resync has not delivered; called when it ends. */
export async function dropStaleRows(
  transaction: WriteTransaction,
  table: string,
  resyncGeneration: number | undefined,
): Promise<number> {
  const records = await transaction.tx.scan('rows', { index: 'table', equals: [table] })
  return releaseRows(
    transaction,
    records.filter(
      (record) => record.scope !== undefined && record.resyncGeneration !== resyncGeneration,
    ),
  )
}

/**
 * Drops rows that this user may no longer read. A row with queued mutations stays visible until the server has
 * answered them. Resolves to the number of rows.
 */
export async function releaseRows(
  { putRows, dropRows }: WriteTransaction,
  records: readonly RowRecord[],
): Promise<number> {
  await putRows(
    records
      .filter(({ queued }) => queued)
      .map((record) => ({ ...omit(record, 'scope'), base: null, version: null })),
  )
  await dropRows(records.filter(({ queued }) => !queued))
  return records.length
}
