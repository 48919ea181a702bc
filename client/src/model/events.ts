import type { SyncError } from './errors.ts'
import type { Verification } from '../sync/verify.ts'
import type { KeyAssigned } from '../database/temporary-ids.ts'
import type { StorageLimitReached } from '../database/capacity.ts'
import type { ResolvedConflict } from './conflict.ts'
import type { Row } from './row.ts'
import { safely } from '../util/call-safely.ts'
import type { DamagedRecord, FailedEdit } from '../storage/contract.ts'
import type { SyncStatus } from '../api/types.ts'

/** What one sync did. Counts are of mutations (`pushed` and what it was made of) and of rows (`pulled`). */
export interface SyncReport {
  /** Edits that the server answered and that left the queue; rejected ones are not among them. */
  pushed: number
  /** Rows that came in, changed or went because of other devices; an echo of this device's edits is no news. */
  pulled: number
  /** Edits that were merged with somebody else's edit of the same row. */
  merged: number
  /** Edits that a policy kept out of the row, wholly or in some columns. */
  conflicts: number
  /** Edits that the server refused; they wait in `queue.list({ status: 'failed' })`. */
  rejected: number
  /** Milliseconds. */
  durationMs: number
}

/** The report of a sync that has done nothing yet. */
export const emptyReport = (): SyncReport => ({
  pushed: 0,
  pulled: 0,
  merged: 0,
  conflicts: 0,
  rejected: 0,
  durationMs: 0,
})

/** How far a running sync has come. */
export interface Progress {
  phase: 'push' | 'pull'
  /** The table that the step touched, where it was one. */
  table?: string
  /** Edits sent or rows received so far. */
  done: number
  /** Null while the server has not said how much there is. */
  total: number | null
  /** 0 to 100; null where `total` is. */
  percentage: number | null
  /** For people, e.g. `Downloaded 4,000 of 20,000 rows`. */
  message: string
}

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
  rejected: FailedEdit
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

export type Listener<T> = (event: T) => void

/** A typed emitter. A listener that throws harms neither the sync nor the other listeners. */
export interface Emitter<Events> {
  on<Name extends keyof Events>(name: Name, fn: Listener<Events[Name]>): () => void
  emit<Name extends keyof Events>(name: Name, event: Events[Name]): void
}

export function createEmitter<Events>(): Emitter<Events> {
  const listeners: { [Name in keyof Events]?: Set<Listener<Events[Name]>> } = {}
  return {
    on(name, fn) {
      const set = (listeners[name] ??= new Set())
      set.add(fn)
      return () => void set.delete(fn)
    },
    emit(name, event) {
      for (const fn of listeners[name] ?? [])
        safely(`a listener of ${String(name)}`, () => fn(event))
    },
  }
}
