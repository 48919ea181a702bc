import type fc from 'fast-check'
import type { DriverName } from '../drivers/cast.ts'
import type { Driver } from '../drivers/driver.ts'

/** One kind of thing that happens in a history: how it is chosen, and how it is played. */
export interface Action<Op extends object, D extends Driver = Driver> {
  /** How often each driver plays it, beside the others. A driver that is not named does not play it. */
  weights: Partial<Record<DriverName, number>>
  /** What the journal counts of it: many histories of a driver have to show all of it. */
  happenings: (driver: DriverName) => readonly string[]
  /** Its details. */
  of: (driver: DriverName) => fc.Arbitrary<Op>
  /** `later` is what the rest of the history holds. */
  play(driver: D, op: Op, later: readonly { do: string }[]): Promise<void>
}

export const action = <Op extends object, D extends Driver = Driver>(
  made: Action<Op, D>,
): Action<Op, D> => made
