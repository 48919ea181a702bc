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

/** What one call asks for. */
export interface RunOptions {
  /** Only these tables, and what their edits need. Default: all. */
  tables?: readonly string[]
  /** Ends it: what has been done stays, and the call rejects with code `aborted`. */
  signal?: AbortSignal
  /** Told of each step; the event `sync_progress` tells of the steps of all runs. */
  onProgress?: (progress: Progress) => void
}
