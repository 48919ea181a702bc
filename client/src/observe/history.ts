import type { SyncError } from '../errors.ts'
import type { SyncReport } from '../events.ts'
import type { Store } from '../store.ts'

/** One run, as the history keeps it. */
export interface RunRecord {
  /** What was asked for: `sync`, `push`, `pull`, `seed`, `hydrate`. */
  kind: string
  /** When it began, milliseconds since 1970. */
  at: number
  durationMs: number
  ok: boolean
  /** What it did before it ended, well or not. */
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
  /** Conflicts that were decided from here. */
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

/** Runs that are kept one by one. */
const KEPT = 50

const nothing: HistoryRecord = {
  name: 'history',
  totals: {
    runs: 0,
    succeeded: 0,
    pushed: 0,
    pulled: 0,
    merged: 0,
    conflicts: 0,
    resolved: 0,
    rejected: 0,
    durationMs: 0,
  },
  runs: [],
}

/** What syncs did and how they ended; survives a restart with the rest of the store. */
export interface History {
  /** Never rejects: a sync does not fail because of its record. */
  note(run: RunRecord): Promise<void>
  noteResolved(): Promise<void>
  read(): Promise<HistoryRecord>
}

export const runRecord = (
  kind: string,
  at: number,
  report: SyncReport,
  error: SyncError | null,
): RunRecord => ({
  kind,
  at,
  durationMs: report.durationMs,
  ok: error === null,
  report,
  ...(error && { error: { name: error.name, code: error.code, message: error.message } }),
})

export function createHistory(store: Store): History {
  async function change(fn: (history: HistoryRecord) => HistoryRecord): Promise<void> {
    try {
      await store.write('local', async ({ tx }) => {
        const before = (await tx.get('meta', 'history')) as HistoryRecord | undefined
        await tx.putMany('meta', [fn(before ?? nothing)])
      })
    } catch {
      // A store that is closed or full has told of it where it matters.
    }
  }

  return {
    note: (run) =>
      change(({ name, totals, runs }) => ({
        name,
        totals: {
          runs: totals.runs + 1,
          succeeded: totals.succeeded + Number(run.ok),
          pushed: totals.pushed + run.report.pushed,
          pulled: totals.pulled + run.report.pulled,
          merged: totals.merged + run.report.merged,
          conflicts: totals.conflicts + run.report.conflicts,
          resolved: totals.resolved,
          rejected: totals.rejected + run.report.rejected,
          durationMs: totals.durationMs + run.durationMs,
        },
        runs: [...runs, run].slice(-KEPT),
      })),
    noteResolved: () =>
      change((history) => ({
        ...history,
        totals: { ...history.totals, resolved: history.totals.resolved + 1 },
      })),
    read: async () =>
      ((await store.read((tx) => tx.get('meta', 'history'))) as HistoryRecord | undefined) ??
      nothing,
  }
}
