import type { SyncError } from '../model/errors.ts'
import type { Conflict, SyncEvents } from '../model/events.ts'
import type { Progress, SyncReport } from '../model/report.ts'
import type { Emitter } from '../util/emitter.ts'

/** Listeners as options of `createSync`, which also receive the first events. */
export interface Callbacks {
  onSync?: (report: SyncReport) => void
  onConflict?: (conflict: Conflict) => void
  onOffline?: () => void
  onOnline?: () => void
  onError?: (error: SyncError) => void
  onProgress?: (progress: Progress) => void
}

const EVENT_OF_CALLBACK = {
  onSync: 'sync_completed',
  onConflict: 'conflict_detected',
  onOffline: 'offline',
  onOnline: 'online',
  onError: 'sync_error',
  onProgress: 'sync_progress',
} as const satisfies Record<keyof Callbacks, keyof SyncEvents>

/** Subscribes the callbacks to their events. */
export function subscribeCallbacks(on: Emitter<SyncEvents>['on'], callbacks: Callbacks): void {
  for (const [name, event] of Object.entries(EVENT_OF_CALLBACK)) {
    const fn = callbacks[name as keyof Callbacks] as ((event: unknown) => void) | undefined
    if (fn) on(event, fn)
  }
}
