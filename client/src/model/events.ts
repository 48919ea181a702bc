import type { ResolvedConflict } from './conflict.ts'
import { SyncError } from './errors.ts'
import type { KeyAssigned } from './key.ts'
import type { DamagedRecord, FailedMutation } from './records.ts'
import type { Progress, SyncReport } from './report.ts'
import type { Row } from './row.ts'
import type { SyncStatus } from './status.ts'
import type { StorageLimitReached } from './storage-limit.ts'
import type { Verification } from './verification.ts'

/** An edit of this device and another edit changed the same columns. */
export interface Conflict {
  table: string
  id: string
  /** Columns of this device's edit that were overruled; empty where the whole edit was overruled. */
  lost: string[]
  /** What this device's edit would have written; null for a removal. */
  mine: Row | null
  /** The row as it is now; null where it is removed. */
  row: Row | null
  /** Policy `keep_both`: id of the second row. */
  copyId?: string
  /** Policy `manual`: id of the open conflict. */
  conflictId?: string
}

/** Events by name, with what a listener receives. */
export interface SyncEvents {
  /** Rows were compared with the server's. */
  verified: Verification
  sync_started: { at: number }
  sync_progress: Progress
  sync_completed: SyncReport
  sync_error: SyncError
  conflict_detected: Conflict
  /** This device resolved an open conflict. */
  conflict_resolved: ResolvedConflict
  /** The network was gained or lost. */
  online: { at: number }
  offline: { at: number }
  /** Something in `status()` may have changed. */
  status: SyncStatus
  /** Rows that the app sees have changed: by the app (`local`) or by a sync (`remote`). */
  change: { table: string; ids: string[]; origin: 'local' | 'remote' }
  /** The server rejected an edit; the row shows its values from before the edit. */
  rejected: FailedMutation
  /** A call of `queue` changed the queue: rejected edits were edited, retried or discarded. */
  queue_changed: { at: number }
  /** A stored record could not be read and was moved to `damaged.list()`. */
  damaged: DamagedRecord
  /** A row with a temporary id got its key from the server; the temporary id still finds the row. */
  key_assigned: KeyAssigned
  /** More is stored than `storageLimit` allows. */
  storage_limit: StorageLimitReached
  /** Columns of an edit that a policy overruled. */
  lost: { table: string; id: string; columns: string[] }
}
