import type { SyncError } from '../errors.ts'
import type { Conflict, Emitter, Progress, SyncEvents, SyncReport } from '../events.ts'

/** Events as options, for apps that want to be told from the first one on. */
export interface Callbacks {
  onSync?: (report: SyncReport) => void
  onConflict?: (conflict: Conflict) => void
  onOffline?: () => void
  onOnline?: () => void
  onError?: (error: SyncError) => void
  onProgress?: (progress: Progress) => void
}

export function listen(on: Emitter<SyncEvents>['on'], callbacks: Callbacks): void {
  const { onSync, onConflict, onOffline, onOnline, onError, onProgress } = callbacks
  if (onSync) on('sync_completed', onSync)
  if (onConflict) on('conflict_detected', onConflict)
  if (onOffline) on('offline', () => onOffline())
  if (onOnline) on('online', () => onOnline())
  if (onError) on('sync_error', onError)
  if (onProgress) on('sync_progress', onProgress)
}
