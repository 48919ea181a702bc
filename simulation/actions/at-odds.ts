import fc from 'fast-check'
import type { TableName } from '../app/tables.ts'
import type { Device } from '../drivers/device.ts'
import { action } from './action.ts'
import { device, row, table, value } from './arbitraries.ts'
import { makeEdit, shownInOrder } from './edit.ts'
import { resolveFrom } from './resolve.ts'
import { syncDevice, wholeSync } from './sync.ts'

interface AtOdds {
  devices: [number, number]
  table: TableName
  row: number
  columns: number[]
  value: number
  /** Whether both sync now, and what the second of them then decides where it has to. */
  next: 'client' | 'server' | 'sync' | 'go on'
}

/** Two devices change the same row, each without knowing of the other. */
export const atOdds = action<AtOdds>({
  weights: { wire: 4, client: 6 },
  happenings: () => ['two devices at odds'],
  of: (driver) =>
    fc.record({
      devices: fc.tuple(device(driver), device(driver)),
      table,
      row,
      columns: fc.array(fc.nat(6), { minLength: 1, maxLength: 2 }),
      value,
      next: fc.constantFrom('client', 'server', 'sync', 'go on', 'go on'),
    }),
  async play(driver, { devices, table, row, columns, value, next }) {
    const { setting, journal } = driver.world
    const [one, other] = devices.map((n) => driver.devices[n]!) as [Device, Device]
    const mine = await shownInOrder(one, table, setting)
    const id = mine[row % (mine.length || 1)]?.id
    const theirs = await shownInOrder(other, table, setting)
    const place = theirs.findIndex((row) => row.id === id)
    if (place < 0) return
    const change = { kind: 'update', table, columns, withOld: true, taken: false } as const
    await makeEdit(driver, one, { ...change, columns, row, value })
    await makeEdit(driver, other, { ...change, columns, row: place, value: value + 1 })
    journal.note(`${one.name} and ${other.name} are at odds`, 'two devices at odds')
    if (next === 'go on') return
    for (const device of [one, other]) await syncDevice(driver, device, wholeSync)
    if (next !== 'sync') await resolveFrom(driver, devices[1], next)
  },
})
