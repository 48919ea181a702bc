import type { Row } from './row.ts'

/** What the server has found out about a conflict. */
export interface ConflictAnalysis {
  /** When each side was edited. */
  temporal: {
    client_edited_at: string
    server_edited_at: string | null
    newer: 'client' | 'server'
    seconds_apart: number
  }
  /** Which columns both sides changed, each with the JSON type of this device's value. */
  structural: { columns: string[]; kinds: Record<string, string>; deletes: boolean }
  /** Whether the values can be combined: arrays, objects. */
  semantic: { combinable: boolean }
  /** Who made the two edits, on which devices. */
  user: {
    same_user: boolean
    client_user: string
    client_device: string | null
    server_user: string | null
    server_device: string | null
  }
  /** From 0 to 1: how sure one can be of `suggested`. */
  confidence: number
  suggested: { take: 'client' | 'server' } | { row: Row }
}

/** An edit that waits for a decision: the policy of its table is `manual`. As `sync_conflicts` gives it. */
export interface OpenConflict {
  conflict_id: string
  table: string
  /** Primary key of the row, as text. */
  id: string
  op: 'put' | 'patch' | 'delete'
  /** Columns that both sides changed; empty for a removal. */
  columns: string[]
  /** What a device wanted in these columns; null for a removal. */
  client: Row | null
  /** The row that the edit met. */
  server: Row
  /** These columns before the edit, where the device had told. */
  base: Row | null
  base_version: number | null
  server_version: number
  /** The device that made the edit. */
  device_id: string | null
  edited_at: string
  created_at: string
  analysis: ConflictAnalysis
}

/**
 * How a conflict is decided: by a side, by columns of one's own, or with both kept: the server's row as it
 * is, and beside it a new row with this device's values.
 */
export type Resolution =
  { take: 'client' | 'server' | 'both'; strategy?: string } | { row: Row; strategy?: string }

/** A {@link Resolution}, or a short word for one. `suggested`: as the analysis says. */
export type Choice = Resolution | 'client' | 'server' | 'both' | 'suggested'

/** Decides a conflict; null leaves it for later. */
export type Resolver = (
  conflict: OpenConflict,
) => Choice | null | undefined | Promise<Choice | null | undefined>

/** How a row came about where two edits met. */
export interface MergeMetadata {
  /** Name of what decided, e.g. `newest`; `client`, `server`, `both` or `row` where a person did. */
  strategy: string
  /** From 0 to 1, of the server's analysis. */
  confidence: number
  /** When it was decided, milliseconds since 1970. */
  at: number
  /** Where each column of the overlap comes from; `merged` where from neither side alone. */
  columns: Record<string, 'client' | 'server' | 'merged'>
  /** Both sides, and the columns before either, as they were. */
  originals: { client: Row | null; server: Row; base: Row | null }
}

/** A conflict that was decided. */
export interface ResolvedConflict {
  conflict: OpenConflict
  /** The row as it now is; null where it is gone. */
  row: Row | null
  /** With `both`: id of the second row, which goes out with the next sync. */
  copyId?: string
  metadata: MergeMetadata
}
