/** Bytes: as they are, and compressed as HTTP does it. */
export interface Bytes {
  plain: number
  gzip: number
}

export interface Size {
  heap: number
  indexes: number
}

export interface CostFigures {
  /** Edits in a cycle. */
  changes: number
  /** Raw is null where it has no body. */
  wire: { what: string; raw: Bytes | null; ours: Bytes }[]
  /** Bytes on disk of a change and its traces, heap and indexes. */
  stored: { what: string; raw: number; ours: number }[]
  /** Bytes of the log a change, heap and indexes. */
  entry: { put: number; edit: number }
  /** What a million edits add to the log, by what `of` edits have added. */
  million: Size & { of: number }
  steady: Steady[]
}

/** One table after steady edits. */
export interface Steady {
  table: string
  /** Share of the updates that touched no index, 0 to 1; null where nothing is updated. */
  hot: number | null
  before: Size
  /** After each cycle of edits and the vacuum that follows it, without `full`. */
  cycles: Size[]
}
