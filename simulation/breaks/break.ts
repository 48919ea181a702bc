import type { DriverName } from '../drivers/cast.ts'
import type { Alter } from '../drivers/client/network.ts'
import type { Focus } from '../history/history.ts'

/** A fault on purpose, which the histories must find. */
export interface Break {
  /** Puts it into a sound engine. */
  sql?: string
  /** Puts it into a sound client, by what it makes of an answer. */
  alter?: Alter
  /** What the oracle says of it. Only drivers that are named can find it. */
  found: Partial<Record<DriverName, RegExp>>
  /** Actions that it shows in, with weights of their own. */
  focus?: Focus
}
