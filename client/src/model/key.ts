/** A primary key. It is stored and sent as text. */
export type Id = string | number

/** A row of this device got its key from the server. */
export interface KeyAssigned {
  table: string
  /** The temporary id that the row had. */
  local: number
  remote: Id
}
