import { SyncError } from './errors.ts'
import type { SyncReport } from './report.ts'

/** How things stand with a sync, at a glance. Times in milliseconds since 1970. */
export interface SyncStatus {
  state: 'idle' | 'syncing'
  online: boolean
  /** Edits that the server has not answered. */
  pending: number
  /** Edits that the server refused. */
  failed: number
  lastSync: { at: number; report: SyncReport } | null
  /** What the last sync failed with; null where it succeeded. */
  lastError: SyncError | null
  /** When the next sync is planned; null where none is. */
  nextSync: number | null
}
