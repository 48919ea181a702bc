import fc from 'fast-check'
import { action } from './action.ts'
import { device } from './arbitraries.ts'

const YEAR = 365.25 * 86_400_000

/** By how many milliseconds a device's clock is wrong: a little, a day, years. */
export const skew = fc.constantFrom(
  0,
  0,
  0,
  5_000,
  3_600_000,
  -90_000_000,
  ...[-10, 10, -1, 1].map((years) => years * YEAR),
)

export const clock = action<{ device: number; skew: number }>({
  weights: { wire: 2, client: 2 },
  happenings: () => ['clock changed'],
  of: (driver) => fc.record({ device: device(driver), skew }),
  async play({ world, devices }, op) {
    const device = devices[op.device]!
    device.skew = op.skew
    world.journal.note(`${device.name}'s clock is ${op.skew / 1000} s ahead`, 'clock changed')
  },
})
