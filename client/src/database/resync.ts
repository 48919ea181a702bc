import type { RowRecord } from '../model/records.ts'
import type { Transaction } from '../storage/contract.ts'
import { omit } from '../util/omit.ts'
import { cursorOf } from './meta.ts'
import type { WriteTransaction } from './write-transaction.ts'

/**
 * Rows that the server took from this device and has not yet named in a pull: they may be of a scope that
 * was left before it came to that, and then nothing more is said of them. The others are still to come.
 */
export async function rowsWithoutScope(tx: Transaction): Promise<RowRecord[]> {
  return (await tx.scan('rows')).filter(({ scope, queued }) => scope === undefined && !queued)
}

/**
 * Begins a download of everything beside what is there: rows stay in sight until it is known which of
 * them are gone.
 */
export async function startResync(tx: Transaction, tables: readonly string[]): Promise<void> {
  const place = await cursorOf(tx)
  // From here on only a row that is sent during the download has no scope, and is kept.
  await tx.putMany(
    'rows',
    (await rowsNotPulled(tx)).map((record) => ({ ...record, scope: '' })),
  )
  await tx.putMany('meta', [
    {
      ...omit(place, 'scopes', 'pruned'),
      cursor: null,
      pages: place.pages,
      resyncGeneration: (place.resyncGeneration ?? 0) + 1,
      resyncingTables: tables,
    },
  ])
}

/** Rows that the server took from this device and no pull has named yet, with or without newer mutations. */
export async function rowsNotPulled(tx: Transaction): Promise<RowRecord[]> {
  return (await tx.scan('rows')).filter(
    ({ scope, version }) => scope === undefined && version !== null,
  )
}

/** Drops the rows of a table that the download which has ended did not meet. */
export async function dropUnmetRows(
  transaction: WriteTransaction,
  table: string,
  resyncGeneration: number | undefined,
): Promise<number> {
  const held = await transaction.tx.scan('rows', { index: 'table', equals: [table] })
  return releaseRows(
    transaction,
    held.filter(
      (record) => record.scope !== undefined && record.resyncGeneration !== resyncGeneration,
    ),
  )
}

/**
 * Drops rows that the server no longer shows us. One with queued mutations stays in sight until the server
 * has said what becomes of them.
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
