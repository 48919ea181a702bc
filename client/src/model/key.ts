/** A primary key. Kept and sent as text. */
export type Id = string | number

/** A row that was made here has been given its key. */
export interface KeyAssigned {
  table: string
  /** The stand-in that it had. */
  local: number
  remote: Id
}
