import type { Row } from './row.ts'

/** The server's analysis of a conflict. */
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
  /** From 0 to 1: how reliable `suggested` is. */
  confidence: number
  suggested: { take: 'client' | 'server' } | { row: Row }
}

/** An open conflict of a table whose policy is `manual`, as `sync_conflicts` returns it. */
export interface OpenConflict {
  conflict_id: string
  table: string
  /** Primary key of the row, as text. */
  id: string
  op: 'put' | 'patch' | 'delete'
  /** Columns that both sides changed; empty for a removal. */
  columns: string[]
  /** The device's values of these columns; null for a removal. */
  client: Row | null
  /** The server's row when the edit arrived. */
  server: Row
  /** The values of these columns before the edit, where the device sent them. */
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
 * How a conflict is resolved: with one side, with values that the caller chooses (`row`), or with both: the
 * server's row stays, and a new row gets this device's values.
 */
export type Resolution =
  { take: 'client' | 'server' | 'both'; strategy?: string } | { row: Row; strategy?: string }

/** A {@link Resolution}, or a short form of one. `suggested` takes what the analysis suggests. */
export type Choice = Resolution | 'client' | 'server' | 'both' | 'suggested'

/** Resolves a conflict; null leaves it open. */
export type Resolver = (
  conflict: OpenConflict,
) => Choice | null | undefined | Promise<Choice | null | undefined>

/** How the row of a resolved conflict was made. */
export interface MergeMetadata {
  /** Name of the resolver, e.g. `newest`; `client`, `server`, `both` or `row` where a person decided. */
  strategy: string
  /** From 0 to 1, as in the server's analysis. */
  confidence: number
  /** When the conflict was resolved, milliseconds since 1970. */
  at: number
  /** Which side each conflicting column comes from; `merged` where it equals neither side's value. */
  columns: Record<string, 'client' | 'server' | 'merged'>
  /** The values of both sides, and the values before either edit. */
  originals: { client: Row | null; server: Row; base: Row | null }
}

/** A conflict that was resolved. */
export interface ResolvedConflict {
  conflict: OpenConflict
  /** The row after the resolution; null where it was removed. */
  row: Row | null
  /** With `both`: id of the second row, which the next sync sends. */
  copyId?: string
  metadata: MergeMetadata
}
