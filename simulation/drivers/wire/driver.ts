import type { World } from '../../world/world.ts'
import { casts, devicesOf } from '../cast.ts'
import type { Driver } from '../driver.ts'
import { WireDevice } from './device.ts'

/** Devices that call `sync_push` and `sync_pull` directly: every answer is held against what is stored. */
export class WireDriver implements Driver<WireDevice> {
  readonly name = 'wire'
  readonly world: World
  readonly devices: readonly WireDevice[]

  constructor(world: World) {
    this.world = world
    const committed = new Map<string, number>()
    this.devices = devicesOf(casts.wire, world.setting.users).map(
      ({ name, user }) => new WireDevice(name, user, world, committed),
    )
  }
}
