import type { World } from '../world/world.ts'
import type { DriverName } from './cast.ts'
import type { Device } from './device.ts'

/** The devices of one history, on one world. */
export interface Driver<D extends Device = Device> {
  readonly name: DriverName
  readonly world: World
  readonly devices: readonly D[]
}
