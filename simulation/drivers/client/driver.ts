import { sign } from 'hono/jwt'
import type { Keys } from '../../../dev/keys.ts'
import type { Violation } from '../../oracle/violation.ts'
import type { World } from '../../world/world.ts'
import { casts, devicesOf } from '../cast.ts'
import type { Driver } from '../driver.ts'
import type { Fault } from '../faults.ts'
import { ClientDevice } from './device.ts'
import { type Alter, network } from './network.ts'

export interface ClientDriverOptions {
  keys: Keys
  /** Rows in a page of most devices. */
  pageSize: number
  alter?: Alter | undefined
}

/** Real clients, which reach the engine through the gateway's own code. */
export class ClientDriver implements Driver<ClientDevice> {
  readonly name = 'client'
  readonly world: World
  readonly devices: readonly ClientDevice[]

  private constructor(world: World, devices: readonly ClientDevice[]) {
    this.world = world
    this.devices = devices
  }

  static async create(world: World, options: ClientDriverOptions): Promise<ClientDriver> {
    const { keys, pageSize, alter } = options
    const { db, setting, ledger } = world
    const exp = Math.floor(Date.now() / 1000) + 86_400
    const tokens = new Map<string, string>()
    for (const sub of setting.users)
      tokens.set(sub, await sign({ sub, role: 'authenticated', exp }, keys.jwtSecret, 'HS256'))
    const underWay = new Set<Promise<unknown>>()
    const fetchOf = (device: ClientDevice) =>
      network(
        { rpc: () => db.rpc, keys, underWay, alter },
        (request, answer) => {
          try {
            ledger.take(device.name, request, answer)
          } catch (error) {
            world.violation ??= error as Violation
          }
        },
        () => nextFault(world, device),
      )
    const devices = devicesOf(casts.client, setting.users).map(
      ({ name, user }, n) =>
        new ClientDevice({
          name,
          user,
          token: tokens.get(user)!,
          key: keys.publishable,
          sqlite: n % 4 === 3,
          pageSize: n % 3 === 1 ? 7 : pageSize,
          underWay,
          fetch: fetchOf,
        }),
    )
    return new ClientDriver(world, devices)
  }
}

function nextFault({ journal }: World, { faults }: ClientDevice): Fault | undefined {
  const fault = faults.shift()
  if (fault === undefined || fault === 'none') return undefined
  journal.count(`request ${fault}`)
  return fault
}
