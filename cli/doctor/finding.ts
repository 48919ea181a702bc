/** A fault, and what to do about it. */
export interface Finding {
  /** Stable name of the check, for machines. */
  check: string
  /** `error`: sync fails or loses its guarantees. `warning`: slow, or forgotten. */
  level: 'error' | 'warning'
  /** What is wrong, in one sentence. */
  problem: string
  /** What to do: a command, or SQL for a migration. */
  mend: string
}
