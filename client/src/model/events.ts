import type { ResolvedConflict } from './conflict.ts'
import { SyncError } from './errors.ts'
import type { KeyAssigned } from './key.ts'
import type { DamagedRecord, FailedMutation } from './records.ts'
import type { Progress, SyncReport } from './report.ts'
import type { Row } from './row.ts'
import type { SyncStatus } from './status.ts'
import type { StorageLimitReached } from './storage-limit.ts'
import type { Verification } from './verification.ts'

/** An edit of this device met somebody else's edit of the same columns. */
export interface Conflict {
  table: string
  id: string
  /** Columns of this device's edit that were overruled; empty where the whole edit was kept out. */
  lost: string[]
  /** What this device had wanted to write; null for a removal. */
  mine: Row | null
  /** The row as it stands now; null where it is removed. */
  row: Row | null
  /** Policy `keep_both`: id of the second row. */
  copyId?: string
  /** Policy `manual`: where it waits to be resolved. */
  conflictId?: string
}

/** Events by name, and what their listeners get. */
export interface SyncEvents {
  /** Rows were compared with the server's. */
  verified: Verification
  sync_started: { at: number }
  sync_progress: Progress
  sync_completed: SyncReport
  sync_error: SyncError
  conflict_detected: Conflict
  /** A conflict that waited was decided from here. */
  conflict_resolved: ResolvedConflict
  /** The network came or went. */
  online: { at: number }
  offline: { at: number }
  /** Something in `status()` may have changed. */
  status: SyncStatus
  /** Rows that the app sees have changed: by the app (`local`) or by a sync (`remote`). */
  change: { table: string; ids: string[]; origin: 'local' | 'remote' }
  /** An edit was refused and set aside; the row shows what it was before. */
  rejected: FailedMutation
  /** A call of `queue` has changed what it lists: refused edits were put right, retried or thrown away. */
  queue_changed: { at: number }
  /** A stored record could not be read and was set aside; it is in `damaged.list()`. */
  damaged: DamagedRecord
  /** A row that was made here has been given its key by the server; the old one still finds it. */
  key_assigned: KeyAssigned
  /** More is stored than `storageLimit` says. */
  storage_limit: StorageLimitReached
  /** Columns of an edit that a policy overruled. */
  lost: { table: string; id: string; columns: string[] }
}
