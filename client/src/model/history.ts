import type { SyncReport } from './report.ts'

/** One run in the history. */
export interface RunRecord {
  /** The method that the app called: `sync`, `push`, `pull`, `seed`, `hydrate`. */
  kind: string
  /** When it began, milliseconds since 1970. */
  at: number
  durationMs: number
  ok: boolean
  /** What the run did until it ended, also where it failed. */
  report: SyncReport
  /** Why it failed. */
  error?: { name: string; code: string; message: string }
}

/** Sums over all runs of this user on this device. */
export interface Totals {
  runs: number
  succeeded: number
  pushed: number
  pulled: number
  merged: number
  conflicts: number
  /** Conflicts that this device resolved. */
  resolved: number
  rejected: number
  /** Milliseconds. */
  durationMs: number
}

/** The latest runs, and the sums of all. */
export interface HistoryRecord {
  name: 'history'
  totals: Totals
  /** Oldest first. */
  runs: RunRecord[]
}
