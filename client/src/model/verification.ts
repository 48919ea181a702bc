/** The result of a comparison with the server's rows. */
export interface Verification {
  /** True where no row differed. */
  inSync: boolean
  /** Number of rows that the server has in the compared tables. */
  rows: number
  /** Rows that this device lacked, that the server no longer has, or whose versions differed. */
  differing: { table: string; ids: string[] }[]
  /** Number of differing rows that were replaced by the server's; queued edits stay on top of them. */
  healed: number
  /** This device's checksums before any row was replaced, for `npx tidemark verify`. */
  checksums: Checksum[]
}

/** The checksum of the rows of a table in a scope. */
export interface Checksum extends Sum {
  scope: string
  table: string
}

/** Number of rows in a set, and the sum of their checksums. */
export interface Sum {
  count: number
  /** The sum of the rows' checksums, modulo 2^32. */
  checksum: number
}
