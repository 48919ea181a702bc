import fc from 'fast-check'
import { type TableName, tableNames } from '../app/tables.ts'
import { casts, type DriverName } from '../drivers/cast.ts'
import { type Fault, faultsOf } from '../drivers/faults.ts'
import { NO_SLOT } from '../world/server.ts'

/** What details are made of. */

/** A device of the cast. */
export const device = (driver: DriverName): fc.Arbitrary<number> =>
  fc.nat(casts[driver].devices.length - 1)

/** Numbers that choose a row among those that there are, and a value. */
export const row = fc.nat(6)
export const value = fc.nat(9)

export const table: fc.Arbitrary<TableName> = fc.constantFrom(...tableNames, 'items', 'cards')

/** A transaction that stays open, mostly none. */
export const slot = fc.oneof(
  { weight: 2, arbitrary: fc.constant(NO_SLOT) },
  { weight: 1, arbitrary: fc.nat(1) },
)

/** What becomes of the next requests: mostly nothing. */
export const someFaults = (driver: DriverName): fc.Arbitrary<(Fault | 'none')[]> =>
  fc.array(
    fc.constantFrom<Fault | 'none'>(
      ...faultsOf(driver),
      'none',
      'none',
      'dropped after',
      'dropped after',
      // Only a push can have these: the first request, and of a device with edits.
      ...(driver === 'wire' ? (['late', 'late', 'late', 'undone', 'undone'] as const) : []),
    ),
    { maxLength: 3 },
  )
