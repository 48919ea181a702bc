import { historyOf } from '../database/history.ts'
import type { Store } from '../database/store.ts'
import type { RunRecord, Totals } from '../model/history.ts'
import type { SyncStatus } from '../model/status.ts'

/** Statistics of the queue and the runs. Times are in milliseconds since 1970. */
export interface SyncStats {
  queue: {
    /** Edits that the server has not answered, in total and by kind. */
    length: number
    creates: number
    updates: number
    deletes: number
    /** Edits that the server rejected. */
    failed: number
  }
  /** When the last successful run began. */
  lastSync: number | null
  nextSync: number | null
  totals: Totals
  /** From 0 to 1; null before the first run. */
  successRate: number | null
  /** Average duration of the successful runs in `history`, in milliseconds; null where there is none. */
  averageMs: number | null
  /**
   * True where no edit is queued or rejected and the last run succeeded. `verify(sync, { heal: false })` compares with
   * the server's rows.
   */
  inSync: boolean
  /** The last 50 runs, oldest first. */
  history: RunRecord[]
}

/** Reads the statistics from the store. */
export async function statsOf(store: Store, { nextSync }: SyncStatus): Promise<SyncStats> {
  const { queued, failed, totals, runs } = await store.read(async (tx) => ({
    queued: await tx.scan('queue'),
    failed: await tx.count('failed'),
    ...(await historyOf(tx)),
  }))
  const successful = runs.filter(({ ok }) => ok)
  const count = (op: string): number => queued.filter((mutation) => mutation.op === op).length
  return {
    queue: {
      length: queued.length,
      creates: count('put'),
      updates: count('patch'),
      deletes: count('delete'),
      failed,
    },
    lastSync: successful.at(-1)?.at ?? null,
    nextSync,
    totals,
    successRate: totals.runs === 0 ? null : totals.succeeded / totals.runs,
    averageMs:
      successful.length === 0
        ? null
        : successful.reduce((sum, run) => sum + run.durationMs, 0) / successful.length,
    inSync: queued.length === 0 && failed === 0 && runs.at(-1)?.ok === true,
    history: runs,
  }
}
