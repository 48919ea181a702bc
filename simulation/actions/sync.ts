import fc from 'fast-check'
import type { Device, SyncPlan } from '../drivers/device.ts'
import type { Driver } from '../drivers/driver.ts'
import { faultsOf } from '../drivers/faults.ts'
import { checkHeld } from '../oracle/held.ts'
import { Violation } from '../oracle/violation.ts'
import { action } from './action.ts'
import { device, someFaults } from './arbitraries.ts'
import { type AppEdit, appEdit, makeEdit } from './edit.ts'

interface SyncOp extends Omit<SyncPlan, 'meanwhile'> {
  device: number
  /** The app goes on while it runs. */
  meanwhile: AppEdit | null
}

const results = ['applied', 'merged', 'conflict', 'rejected', 'duplicate']

/** A device sends and asks, wholly or in part, on a network that has its faults. */
export const sync = action<SyncOp>({
  weights: { wire: 34, client: 26 },
  happenings: (driver) => [
    'sync',
    'push',
    'pull',
    'sync beside an edit',
    ...faultsOf(driver).map((fault) => `request ${fault}`),
    ...(driver === 'wire' ? ['reset', 'joined', 'left', 'more'] : []),
    ...(driver === 'wire' ? results.map((status) => `answered ${status}`) : []),
  ],
  of: (driver) =>
    fc.record({
      device: device(driver),
      way:
        driver === 'wire'
          ? fc.constantFrom<SyncPlan['way']>('sync', 'push', 'push', 'push', 'pull', 'pull', 'pull')
          : fc.constantFrom<SyncPlan['way']>('sync', 'sync', 'sync', 'push', 'pull'),
      faults: someFaults(driver),
      batch: fc.constantFrom(100, 100, 2, 1),
      page: fc.constantFrom(1, 2, 3, 5, 100),
      pages: fc.integer({ min: 1, max: 4 }),
      slot: fc.nat(1),
      meanwhile: fc.oneof(
        { weight: 4, arbitrary: fc.constant(null) },
        { weight: 1, arbitrary: appEdit(driver) },
      ),
    }),
  async play(driver, { device: n, meanwhile, ...plan }) {
    const device = driver.devices[n]!
    await syncDevice(driver, device, {
      ...plan,
      meanwhile: meanwhile ? () => makeEdit(driver, device, meanwhile) : undefined,
    })
  },
})

/** A sync that nothing disturbs. */
export const wholeSync: SyncPlan = {
  way: 'sync',
  faults: [],
  batch: 100,
  page: 100,
  pages: 1000,
  slot: 0,
}

/** Syncs a device, and holds it against plain SQL where it came to the end. Whether it did. */
export async function syncDevice(
  { world }: Driver,
  device: Device,
  plan: SyncPlan,
  withSums = false,
): Promise<boolean> {
  const { way, faults, meanwhile } = plan
  const { failed, complete } = await device.sync(plan)
  if (failed && faults.every((fault) => fault === 'none') && !world.server.isOpen)
    throw new Violation(`${device.name} cannot ${way}, though nothing went wrong: ${failed}`)
  world.journal.note(
    `${device.name}: ${way} [${faults.join(', ')}]: ${failed ?? 'done'}`,
    meanwhile ? `${way} beside an edit` : way,
  )
  if (complete && !world.violation) {
    const { rows, sums } = await world.truth(device.user, withSums)
    checkHeld(device.name, await device.held(), rows, sums)
  }
  return complete
}
