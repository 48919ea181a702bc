/** What one sync did. `pulled` counts rows; the other counts are of edits. */
export interface SyncReport {
  /** Edits that the server acknowledged; rejected edits are not counted. */
  pushed: number
  /** Rows that other devices added, changed or removed; rows that only repeat this device's edits do not count. */
  pulled: number
  /** Edits that were merged with another edit of the same row. */
  merged: number
  /** Edits that a policy overruled, wholly or in some columns. */
  conflicts: number
  /** Edits that the server rejected; `queue.list({ status: 'failed' })` lists them. */
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

/** How far a running sync has got. */
export interface Progress {
  phase: 'push' | 'pull'
  /** The table that the step changed, where it changed one. */
  table?: string
  /** Edits sent or rows received so far. */
  done: number
  /** Null while the total is not known. */
  total: number | null
  /** 0 to 100; null where `total` is. */
  percentage: number | null
  /** A text to show, e.g. `Downloaded 4,000 of 20,000 rows`. */
  message: string
}

/** Options of one run. */
export interface RunOptions {
  /** Only these tables, and the edits that theirs depend on. Default: all. */
  tables?: readonly string[]
  /** Aborts the run: finished steps stay, and the call rejects with code `aborted`. */
  signal?: AbortSignal
  /** Called after each step of this run; the event `sync_progress` reports the steps of all runs. */
  onProgress?: (progress: Progress) => void
}
