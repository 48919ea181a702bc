import type { Row } from './tables.ts'

/** What plain SQL does to a row, as the ledger takes it down. */
export type Effect =
  /** Columns are set, or added to. */
  | { do: 'set'; columns: Row; add?: number }
  | { do: 'delete' | 'undelete' | 'move' }
  | { do: 'rekey'; id: string }

/** A statement of plain SQL, and what it does where it goes through. */
export interface Statement {
  sql: string
  /** New rows. */
  inserted?: readonly { table: string; row: Row }[]
  /** The rows of a table that a condition names, tombstones too, and what becomes of each of them. */
  concerned?: { table: string; where: string; effect: Effect }
}
