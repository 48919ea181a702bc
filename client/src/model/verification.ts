/** What a comparison with the server came to. */
export interface Verification {
  /** True where nothing differed. */
  inSync: boolean
  /** Rows that were compared, as the server counts them. */
  rows: number
  /** Rows that were missing here, not there any more, or of another version. */
  differing: { table: string; ids: string[] }[]
  /** How many of them are now as the server has them; edits that wait stay on top. */
  healed: number
  /** What this device held when it was compared, for `npx tidemark verify`. */
  checksums: Checksum[]
}

/** A number for the rows of a table that are in a scope. */
export interface Checksum extends Sum {
  scope: string
  table: string
}

/** How many rows a set has, and the sum of their own checksums. */
export interface Sum {
  count: number
  /** The sum of the rows' own, modulo 2^32. */
  checksum: number
}
