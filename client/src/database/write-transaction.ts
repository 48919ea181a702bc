import type { RowRecord } from '../model/records.ts'
import type { Row } from '../model/row.ts'
import type { Transaction } from '../storage/contract.ts'
import { visibleRow } from './rebase.ts'

/** Who made a change: the app on this device, or the server. */
export type Origin = 'local' | 'remote'

/** What one transaction changed, as the app sees it: table → id → row, null for a removed row. */
export interface Commit {
  origin: Origin
  rows: Map<string, Map<string, Row | null>>
  /** True for a transaction of another tab. */
  fromOtherTab?: boolean
}

/** A transaction that may write, and that records which rows change. */
export interface WriteTransaction {
  readonly tx: Transaction
  /** The time of the transaction, RFC 3339: the same for every run of its body. */
  readonly at: string
  putRows(records: readonly RowRecord[]): Promise<void>
  dropRows(records: readonly Pick<RowRecord, 'table' | 'id'>[]): Promise<void>
}

/** A transaction that adds every changed row to `rows`. */
export function createWriteTransaction(
  tx: Transaction,
  at: string,
  rows: Commit['rows'],
  hasLocal: (table: string) => boolean,
): WriteTransaction {
  const noteChange = (table: string, id: string, row: Row | null): void => {
    let changed = rows.get(table)
    if (!changed) rows.set(table, (changed = new Map()))
    changed.set(id, row)
  }

  /** Adds the stored values of columns that stay on this device to records that lack them. */
  async function withLocalColumns(records: readonly RowRecord[]): Promise<readonly RowRecord[]> {
    const without = records.filter(({ table, local }) => !local && hasLocal(table))
    if (without.length === 0) return records
    const stored = await tx.getMany(
      'rows',
      without.map(({ table, id }) => [table, id] as const),
    )
    const localOf = new Map(without.map((record, index) => [record, stored[index]?.local]))
    return records.map((record) => {
      const local = localOf.get(record)
      return local ? { ...record, local } : record
    })
  }

  return {
    tx,
    at,
    async putRows(withoutLocal) {
      const records = await withLocalColumns(withoutLocal)
      for (const record of records) noteChange(record.table, record.id, visibleRow(record))
      await tx.putMany('rows', records)
    },
    async dropRows(records) {
      for (const { table, id } of records) noteChange(table, id, null)
      await tx.deleteMany(
        'rows',
        records.map(({ table, id }) => [table, id] as const),
      )
    },
  }
}
