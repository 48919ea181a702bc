import fc from 'fast-check'
import type { ClientDriver } from '../drivers/client/driver.ts'
import type { Fault } from '../drivers/faults.ts'
import type { Made } from '../oracle/edits.ts'
import { action } from './action.ts'
import { device, someFaults } from './arbitraries.ts'
import { type AppEdit, appEdit, makeEdit } from './edit.ts'

/** What happens to the processes of a device: only the real client has some. */

interface Kill {
  device: number
  /** The storage write at which it dies. */
  at: number
  moment: 'before' | 'after'
  during: 'edit' | 'sync'
  edit: AppEdit
}

export const kill = action<Kill, ClientDriver>({
  weights: { client: 9 },
  happenings: () => ['killed during edit', 'killed during sync'],
  of: (driver) =>
    fc.record({
      device: device(driver),
      at: fc.integer({ min: 1, max: 14 }),
      moment: fc.constantFrom('before', 'after'),
      during: fc.constantFrom('edit', 'sync', 'sync', 'sync'),
      edit: appEdit(driver),
    }),
  async play(driver, { device: n, at, moment, during, edit }) {
    const { made, journal } = driver.world
    const device = driver.devices[n]!
    const known = made.length
    let asked: Made | undefined
    const died = await device.die(at, moment, ({ sync, write }) =>
      during === 'sync'
        ? sync()
        : makeEdit(driver, device, edit, { write, onAsked: (one) => (asked = one) }),
    )
    journal.note(
      `${device.name}: killed ${moment} write ${at} of ${during}: ${died ? 'died' : 'lived'}`,
      died ? `killed during ${during}` : 'survived',
    )
    // An edit that had not returned may or may not be stored, in the place of the one before.
    if (asked && made.length === known) made.push({ ...asked, mark: undefined })
    if (died) for (const edit of made) if (edit.device === device.name) edit.unheard = true
  },
})

export const twoTabs = action<{ device: number; faults: (Fault | 'none')[] }, ClientDriver>({
  weights: { client: 4 },
  happenings: () => ['two tabs'],
  of: (driver) => fc.record({ device: device(driver), faults: someFaults(driver) }),
  async play({ world, devices }, { device: n, faults }) {
    const device = devices[n]!
    await device.syncTwoTabs(faults)
    world.journal.note(`${device.name}: two tabs sync [${faults.join(', ')}]`, 'two tabs')
  },
})
