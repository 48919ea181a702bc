import { SyncError } from './errors.ts'
import type { SyncReport } from './report.ts'

/** The current state of a sync. Times are in milliseconds since 1970. */
export interface SyncStatus {
  state: 'idle' | 'syncing'
  online: boolean
  /** Edits that the server has not answered. */
  pending: number
  /** Edits that the server rejected. */
  failed: number
  lastSync: { at: number; report: SyncReport } | null
  /** The error of the last sync; null where it succeeded. */
  lastError: SyncError | null
  /** When the next sync is due; null where none is planned. */
  nextSync: number | null
}
