import fc from 'fast-check'
import type { DriverName } from '../drivers/cast.ts'
import { action } from './action.ts'
import { device } from './arbitraries.ts'

/** What happens to the storage of a device. */

interface OfDevice {
  device: number
}

const ofDevice = (driver: DriverName) => fc.record({ device: device(driver) })

export const backUpDevice = action<OfDevice>({
  weights: { wire: 2, client: 2 },
  happenings: () => ['device backed up'],
  of: ofDevice,
  async play(driver, op) {
    const { backups, made, journal } = driver.world
    const device = driver.devices[op.device]!
    backups.set(device.name, { stored: await device.backup(), made: made.length })
    journal.note(`${device.name} is backed up`, 'device backed up')
  },
})

export const putDeviceBack = action<OfDevice>({
  weights: { wire: 2, client: 3 },
  happenings: () => ['device put back'],
  of: ofDevice,
  async play(driver, op) {
    const { world, devices } = driver
    const known = devices.filter(({ name }) => world.backups.has(name))
    const device = known[op.device % (known.length || 1)]
    if (!device) return
    const { stored, made } = world.backups.get(device.name)!
    world.backups.delete(device.name)
    world.throwAway(device.name, made)
    await device.replace(stored)
    for (const mark of await device.marks()) world.ledger.doubled.add(mark)
    world.journal.note(`${device.name} goes back to its backup`, 'device put back')
  },
})

export const reinstall = action<OfDevice>({
  weights: { wire: 1, client: 1 },
  happenings: () => ['device installed anew'],
  of: ofDevice,
  async play({ world, devices }, op) {
    const device = devices[op.device]!
    world.throwAway(device.name)
    await device.replace(undefined)
    world.journal.note(`${device.name} is installed anew`, 'device installed anew')
  },
})

/** The user's other device goes on with a copy of this one's storage. */
export const clone = action<OfDevice>({
  weights: { client: 2 },
  happenings: () => ['device cloned'],
  of: ofDevice,
  async play({ world, devices }, op) {
    const [from, to] = [devices[op.device]!, devices[op.device ^ 1]!]
    world.throwAway(to.name)
    for (const mark of await from.marks()) world.ledger.doubled.add(mark)
    await to.replace(await from.backup())
    world.journal.note(`${to.name} is a clone of ${from.name}`, 'device cloned')
  },
})
