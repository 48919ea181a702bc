import { historyOf } from '../database/history.ts'
import type { Store } from '../database/store.ts'
import type { RunRecord, Totals } from '../model/history.ts'
import type { SyncStatus } from '../model/status.ts'

/** Figures about the queue and the runs. Times in milliseconds since 1970. */
export interface SyncStats {
  queue: {
    /** Edits that the server has not answered, and what they are. */
    length: number
    creates: number
    updates: number
    deletes: number
    /** Edits that the server refused. */
    failed: number
  }
  /** When the last run began that succeeded. */
  lastSync: number | null
  nextSync: number | null
  totals: Totals
  /** From 0 to 1; null before the first run. */
  successRate: number | null
  /** Milliseconds that a successful run of those in `history` took on average; null where there is none. */
  averageMs: number | null
  /**
   * True where nothing waits, nothing was refused and the last run succeeded: this device knows of no
   * difference. `verify({ heal: false })` compares with the server's rows.
   */
  inSync: boolean
  /** The last 50 runs, oldest first. */
  history: RunRecord[]
}

export async function statsOf(store: Store, { nextSync }: SyncStatus): Promise<SyncStats> {
  const { queued, failed, totals, runs } = await store.read(async (tx) => ({
    queued: await tx.scan('queue'),
    failed: await tx.count('failed'),
    ...(await historyOf(tx)),
  }))
  const good = runs.filter(({ ok }) => ok)
  const count = (op: string): number => queued.filter((edit) => edit.op === op).length
  return {
    queue: {
      length: queued.length,
      creates: count('put'),
      updates: count('patch'),
      deletes: count('delete'),
      failed,
    },
    lastSync: good.at(-1)?.at ?? null,
    nextSync,
    totals,
    successRate: totals.runs === 0 ? null : totals.succeeded / totals.runs,
    averageMs:
      good.length === 0 ? null : good.reduce((sum, run) => sum + run.durationMs, 0) / good.length,
    inSync: queued.length === 0 && failed === 0 && runs.at(-1)?.ok === true,
    history: runs,
  }
}
