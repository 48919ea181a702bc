import type { Row, TableName } from '../app/tables.ts'
import type { Told } from '../oracle/edits.ts'
import type { Held } from '../oracle/held.ts'
import type { Fault } from './faults.ts'

/** An edit as an app asks for it. */
export interface Write {
  op: 'insert' | 'update' | 'remove'
  table: TableName
  id: string
  /** The whole row, or the changed columns. */
  data?: Row
  /** Tells the server the values before, where the driver has the choice. */
  withOld: boolean
}

export interface SyncPlan {
  way: 'sync' | 'push' | 'pull'
  /** What becomes of its requests, one after the other. */
  faults: readonly (Fault | 'none')[]
  /** On the wire: edits in a batch, rows in a page, pages, and the transaction that a late push leaves open. */
  batch: number
  page: number
  pages: number
  slot: number
  /** What the app does while it runs. */
  meanwhile?: (() => Promise<void>) | undefined
}

export interface SyncOutcome {
  /** What went wrong; undefined where nothing did. */
  failed?: string
  /** The device has sent everything and has got everything. */
  complete: boolean
}

/** Everything that a device has stored; opaque. */
export type Backup = unknown

/** One device of a user, as both drivers have it. */
export interface Device {
  readonly name: string
  readonly user: string
  /** Its clock is wrong by this many milliseconds. */
  skew: number
  /** What the app was told is not as it wanted, in order. */
  readonly told: readonly Told[]
  /** Every row that it has stored. */
  held(): Promise<Held[]>
  /** The rows of a table that the app is shown. */
  shown(table: TableName): Promise<Row[]>
  write(write: Write): Promise<void>
  /** Whether a removal of the row ends an insert that was never sent. */
  endsInsert(table: TableName, id: string): Promise<boolean>
  /** Marks of the edits in its queue: of those that were refused, or of all. */
  marks(status?: 'failed'): Promise<string[]>
  sync(plan: SyncPlan): Promise<SyncOutcome>
  /** The conflict that has waited longest for the user. */
  conflict(): Promise<{ table: string; id: string; conflict_id: string } | undefined>
  resolve(conflictId: string, choice: 'client' | 'server' | { row: Row }): Promise<void>
  backup(): Promise<Backup>
  /** Goes on with what another time, or another device, has stored; with nothing as a new device does. */
  replace(backup: Backup | undefined): Promise<void>
}
