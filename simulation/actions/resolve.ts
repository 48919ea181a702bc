import fc from 'fast-check'
import type { Driver } from '../drivers/driver.ts'
import { action } from './action.ts'
import { device } from './arbitraries.ts'

type Choice = 'client' | 'server' | 'row'

/** A conflict that waits for its user is decided. */
export const resolve = action<{ device: number; take: Choice }>({
  weights: { wire: 3, client: 3 },
  happenings: () => ['conflict decided'],
  of: (driver) =>
    fc.record({
      device: device(driver),
      take: fc.constantFrom<Choice>('client', 'server', 'row'),
    }),
  play: (driver, { device, take }) => resolveFrom(driver, device, take),
})

/** The first device from the given one on that knows of a conflict decides it. */
export async function resolveFrom(
  { world, devices }: Driver,
  first: number,
  take: Choice,
): Promise<void> {
  for (let n = 0; n < devices.length; n++) {
    const device = devices[(first + n) % devices.length]!
    try {
      const open = await device.conflict()
      if (!open) continue
      world.ledger.unsure(open.table, open.id)
      await device.resolve(open.conflict_id, take === 'row' ? { row: { text: 'agreed' } } : take)
      return world.journal.note(`${device.name} decides a conflict: ${take}`, 'conflict decided')
    } catch (error) {
      return world.journal.note(
        `${device.name} cannot decide a conflict: ${String(error)}`,
        'conflict not decided',
      )
    }
  }
}
