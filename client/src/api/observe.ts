import type { Conflict } from '../model/events.ts'
import type { Progress } from '../model/report.ts'
import type { SyncStatus } from '../model/status.ts'
import type { Sync } from './types.ts'

/** The state of a sync for a UI. Every change makes a new object, so that `===` detects it. */
export interface SyncState extends SyncStatus {
  /** The last step of the running sync; null where none runs. */
  progress: Progress | null
  /** Open conflicts that were detected since `observe` was called. */
  conflicts: readonly Conflict[]
  /** Number of rows that were changed since `observe` was called, by the app and by syncs. */
  changes: { local: number; remote: number }
}

/** A value with change notifications, as `useSyncExternalStore` and most state libraries accept it. */
export interface Observable<T> {
  get(): T
  /** Calls `fn` after each change. Returns an unsubscribe function. */
  subscribe(fn: () => void): () => void
}

/** Status, progress, open conflicts and changes of a sync as one observable. `end` stops observing. */
export function observe(
  sync: Pick<Sync, 'on' | 'status'>,
): Observable<SyncState> & { end(): void } {
  const subscribers = new Set<() => void>()
  let state: SyncState = {
    ...sync.status(),
    progress: null,
    conflicts: [],
    changes: { local: 0, remote: 0 },
  }

  function update(changes: Partial<SyncState>): void {
    state = { ...state, ...changes }
    for (const fn of subscribers) fn()
  }

  const unsubscribes = [
    sync.on('status', (status) =>
      update({ ...status, ...(status.state === 'idle' && { progress: null }) }),
    ),
    sync.on('sync_progress', (progress) => update({ progress })),
    sync.on('change', ({ ids, origin }) =>
      update({ changes: { ...state.changes, [origin]: state.changes[origin] + ids.length } }),
    ),
    sync.on('conflict_detected', (conflict) => {
      if (conflict.conflictId) update({ conflicts: [...state.conflicts, conflict] })
    }),
    sync.on('conflict_resolved', ({ conflict: { conflict_id } }) =>
      update({
        conflicts: state.conflicts.filter(({ conflictId }) => conflictId !== conflict_id),
      }),
    ),
  ]
  return {
    get: () => state,
    subscribe(fn) {
      subscribers.add(fn)
      return () => void subscribers.delete(fn)
    },
    end() {
      for (const unsubscribe of unsubscribes) unsubscribe()
      subscribers.clear()
    },
  }
}
