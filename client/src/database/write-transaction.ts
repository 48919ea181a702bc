import type { RowRecord } from '../model/records.ts'
import type { Row } from '../model/row.ts'
import type { Transaction } from '../storage/contract.ts'
import { visibleRow } from './rebase.ts'

/** Whose doing a change was. */
export type Origin = 'local' | 'remote'

/** What one transaction changed, as the app sees it: table → id → row, null where it is gone. */
export interface Commit {
  origin: Origin
  rows: Map<string, Map<string, Row | null>>
  /** True where another tab did it. */
  fromOtherTab?: boolean
}

/** A transaction that writes, and the list of what it changes. */
export interface WriteTransaction {
  readonly tx: Transaction
  /** When it is, RFC 3339: the same however often the body runs. */
  readonly at: string
  /** Puts records of rows. */
  putRows(records: readonly RowRecord[]): Promise<void>
  /** Drops records of rows. */
  dropRows(records: readonly Pick<RowRecord, 'table' | 'id'>[]): Promise<void>
}

export function createWriteTransaction(
  tx: Transaction,
  at: string,
  rows: Commit['rows'],
  hasLocal: (table: string) => boolean,
): WriteTransaction {
  const show = (table: string, id: string, row: Row | null): void => {
    let changed = rows.get(table)
    if (!changed) rows.set(table, (changed = new Map()))
    changed.set(id, row)
  }

  /** The records with the local columns that are held already: the server knows nothing of them. */
  async function keepLocal(records: readonly RowRecord[]): Promise<readonly RowRecord[]> {
    const without = records.filter(({ table, local }) => !local && hasLocal(table))
    if (without.length === 0) return records
    const held = await tx.getMany(
      'rows',
      without.map(({ table, id }) => [table, id] as const),
    )
    const known = new Map(without.map((record, place) => [record, held[place]?.local]))
    return records.map((record) => {
      const local = known.get(record)
      return local ? { ...record, local } : record
    })
  }

  return {
    tx,
    at,
    async putRows(given) {
      const records = await keepLocal(given)
      for (const record of records) show(record.table, record.id, visibleRow(record))
      await tx.putMany('rows', records)
    },
    async dropRows(records) {
      for (const { table, id } of records) show(table, id, null)
      await tx.deleteMany(
        'rows',
        records.map(({ table, id }) => [table, id] as const),
      )
    },
  }
}
