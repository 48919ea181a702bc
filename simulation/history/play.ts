import type { Action } from '../actions/action.ts'
import { actions, type Op } from '../actions/actions.ts'
import { syncDevice, wholeSync } from '../actions/sync.ts'
import { readable } from '../app/names.ts'
import type { Driver } from '../drivers/driver.ts'
import { checkEdits } from '../oracle/edits.ts'
import { Violation } from '../oracle/violation.ts'
import type { History } from './history.ts'

/** Plays a history to its end. Throws what the oracle finds, with what happened before it line by line. */
export async function playHistory(driver: Driver, history: History): Promise<void> {
  const { world, devices } = driver
  const { members, ready, clocks, ops, pageSize, sums } = history
  try {
    await world.server.begin(members)
    for (const [n, skew] of clocks.entries()) devices[n]!.skew = skew
    for (const device of devices.slice(0, ready)) await syncDevice(driver, device, wholeSync)
    for (const [n, op] of ops.entries()) {
      await play(driver, op, ops.slice(n + 1))
      if (world.violation) throw world.violation
    }
    await settle(driver, pageSize, sums)
    if (world.violation) throw world.violation
  } catch (error) {
    const said = error instanceof Error ? error : new Error(String(error))
    const where = said instanceof Violation ? '' : `\n${said.stack}`
    const told = [...world.journal.trace, `✗ ${said.message}${where}`].join('\n')
    throw new Error(readable(told, world.setting), { cause: error })
  } finally {
    await world.server.cleanUp()
  }
}

const play = (driver: Driver, op: Op, later: readonly Op[]): Promise<void> =>
  (actions[op.do] as Action<object>).play(driver, op, later)

/** Every transaction ends, every queue is sent, every device reads to the end; then all is held against plain SQL and the books. */
async function settle(driver: Driver, page: number, withSums: boolean): Promise<void> {
  const { world, devices } = driver
  await world.server.endAll(true)
  for (const device of devices)
    for (let tries = 1; ; tries++) {
      await syncDevice(driver, device, { ...wholeSync, way: 'push' })
      if ((await device.held()).every(({ edits }) => edits === 0)) break
      if (tries === 4) throw new Violation(`${device.name} cannot send its queue`)
    }
  for (const device of devices) {
    // The sums of all rows take their time: those of one user do.
    const isFirst = device.user === world.setting.users[0]
    const complete = await syncDevice(driver, device, { ...wholeSync, page }, withSums && isFirst)
    if (!complete) throw new Violation(`${device.name} is never told that it has everything`)
  }
  world.ledger.check(await world.stored())
  for (const device of devices) {
    const kept = new Set(await device.marks('failed'))
    checkEdits(device.name, world.made, { told: device.told, kept }, world.ledger)
  }
}
