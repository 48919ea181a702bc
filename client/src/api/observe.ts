import type { Conflict } from '../model/events.ts'
import type { Progress } from '../model/report.ts'
import type { SyncStatus } from '../model/status.ts'
import type { Sync } from './types.ts'

/** What a UI shows of a sync. A new object whenever something in it is new, so that `===` tells. */
export interface SyncState extends SyncStatus {
  /** The step that a running sync is at; null where none runs. */
  progress: Progress | null
  /** Conflicts met since this was made that still wait for a decision. */
  conflicts: readonly Conflict[]
  /** Rows changed since this was made: by the app, and by syncs. */
  changes: { local: number; remote: number }
}

/** State that can be watched; the shape that `useSyncExternalStore` and most stores take. */
export interface Observable<T> {
  get(): T
  /** Calls `fn` after each change. Returns what ends it. */
  subscribe(fn: () => void): () => void
}

/** Connectivity, the run under way, what waits and what conflicts, as one observable. `end` lets go of it. */
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

  function change(more: Partial<SyncState>): void {
    state = { ...state, ...more }
    for (const fn of subscribers) fn()
  }

  const ends = [
    sync.on('status', (status) =>
      change({ ...status, ...(status.state === 'idle' && { progress: null }) }),
    ),
    sync.on('sync_progress', (progress) => change({ progress })),
    sync.on('change', ({ ids, origin }) =>
      change({ changes: { ...state.changes, [origin]: state.changes[origin] + ids.length } }),
    ),
    sync.on('conflict_detected', (conflict) => {
      if (conflict.conflictId) change({ conflicts: [...state.conflicts, conflict] })
    }),
    sync.on('conflict_resolved', ({ conflict: { conflict_id } }) =>
      change({
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
      for (const end of ends) end()
      subscribers.clear()
    },
  }
}
