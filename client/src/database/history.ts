import type { SyncError } from '../model/errors.ts'
import type { HistoryRecord, RunRecord } from '../model/history.ts'
import { emptyReport, type SyncReport } from '../model/report.ts'
import type { Transaction } from '../storage/contract.ts'
import type { Store } from './store.ts'

/** Number of runs that the history keeps. */
const MAX_RUNS = 50

/** The history before the first run. */
export const emptyHistory = (): HistoryRecord => ({
  name: 'history',
  totals: { ...emptyReport(), runs: 0, succeeded: 0, resolved: 0 },
  runs: [],
})

export const historyOf = async (tx: Transaction): Promise<HistoryRecord> =>
  ((await tx.get('meta', 'history')) as HistoryRecord | undefined) ?? emptyHistory()

/** Changes the stored history. Never rejects: a sync does not fail because its history cannot be written. */
export async function updateHistory(
  store: Store,
  change: (history: HistoryRecord) => HistoryRecord,
): Promise<void> {
  try {
    await store.write('local', async ({ tx }) => tx.putMany('meta', [change(await historyOf(tx))]))
  } catch {
    // The run itself reports a store that is closed or full.
  }
}

/** Adds a finished run to the history. */
export function recordRun(
  store: Store,
  {
    kind,
    at,
    report,
    error,
  }: Pick<RunRecord, 'kind' | 'at' | 'report'> & { error: SyncError | null },
): Promise<void> {
  const ok = !error
  return updateHistory(store, ({ name, totals, runs }) => {
    const nextTotals = {
      ...totals,
      runs: totals.runs + 1,
      succeeded: totals.succeeded + Number(ok),
    }
    for (const [figure, count] of Object.entries(report))
      nextTotals[figure as keyof SyncReport] += count
    const run = {
      kind,
      at,
      durationMs: report.durationMs,
      ok,
      report,
      ...(error && { error: { name: error.name, code: error.code, message: error.message } }),
    }
    return { name, totals: nextTotals, runs: [...runs, run].slice(-MAX_RUNS) }
  })
}
