import type { SyncError } from '../model/errors.ts'
import type { HistoryRecord, RunRecord } from '../model/history.ts'
import { emptyReport, type SyncReport } from '../model/report.ts'
import type { Transaction } from '../storage/contract.ts'
import type { Store } from './store.ts'

/** Runs that are kept one by one. */
const KEPT = 50

/** What is kept while there has been no run. */
export const nothing = (): HistoryRecord => ({
  name: 'history',
  totals: { ...emptyReport(), runs: 0, succeeded: 0, resolved: 0 },
  runs: [],
})

export const historyOf = async (tx: Transaction): Promise<HistoryRecord> =>
  ((await tx.get('meta', 'history')) as HistoryRecord | undefined) ?? nothing()

/**
 * Changes the history, which survives a restart with the rest of the store. Never rejects: a sync does not
 * fail because of its record.
 */
export async function note(
  store: Store,
  change: (history: HistoryRecord) => HistoryRecord,
): Promise<void> {
  try {
    await store.write('local', async ({ tx }) => tx.putMany('meta', [change(await historyOf(tx))]))
  } catch {
    // A store that is closed or full has told of it where it matters.
  }
}

/** Notes a run that has ended. */
export function noteRun(
  store: Store,
  {
    kind,
    at,
    report,
    error,
  }: Pick<RunRecord, 'kind' | 'at' | 'report'> & { error: SyncError | null },
): Promise<void> {
  const ok = !error
  return note(store, ({ name, totals, runs }) => {
    const sums = { ...totals, runs: totals.runs + 1, succeeded: totals.succeeded + Number(ok) }
    for (const [figure, count] of Object.entries(report)) sums[figure as keyof SyncReport] += count
    const run = {
      kind,
      at,
      durationMs: report.durationMs,
      ok,
      report,
      ...(error && { error: { name: error.name, code: error.code, message: error.message } }),
    }
    return { name, totals: sums, runs: [...runs, run].slice(-KEPT) }
  })
}
