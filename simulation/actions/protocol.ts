import fc from 'fast-check'
import type { WireDriver } from '../drivers/wire/driver.ts'
import { action } from './action.ts'
import { device } from './arbitraries.ts'

/** What a device by the protocol alone can be made to do. */

export const revoke = action<{ device: number }, WireDriver>({
  weights: { wire: 1 },
  happenings: () => ['device revoked', 'device renamed'],
  of: (driver) => fc.record({ device: device(driver) }),
  play: ({ devices }, op) => devices[op.device]!.revoke(),
})

export const applyPageAgain = action<{ device: number }, WireDriver>({
  weights: { wire: 1 },
  happenings: () => ['page applied again'],
  of: (driver) => fc.record({ device: device(driver) }),
  play: async ({ devices }, op) => devices[op.device]!.applyLastPageAgain(),
})
