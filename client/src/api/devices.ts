import { deviceOf } from '../database/meta.ts'
import type { Store } from '../database/store.ts'
import { ConflictError } from '../model/errors.ts'
import type { DeviceInfo } from '../model/records.ts'

/** A device of the user, as `sync_devices` returns it. Times are in RFC 3339. */
export interface Device {
  device_id: string
  name: string | null
  platform: string | null
  client_version: string | null
  registered_at: string
  last_seen_at: string
  /** Seconds since the device was last seen. */
  lag_seconds: number
  /** The `seq` of the last edit that the server has received from the device. */
  last_seq: number
  /** When the device was revoked; null where it was not. */
  revoked_at: string | null
  /** True for this device. */
  current: boolean
}

/** The devices of the user who is signed in. */
export interface Devices {
  /** This device. Works offline. */
  current(): Promise<DeviceInfo & { device_id: string }>
  /** Registers this device, or changes its description. A sync registers the device by itself. */
  register(info?: DeviceInfo): Promise<void>
  /** Gives this device a name that the user recognises. */
  rename(name: string): Promise<void>
  /** The devices of the user, oldest first. */
  list(): Promise<Device[]>
  /**
   * Revokes a device: the server refuses its requests from then on. Throws a `ConflictError` (`not_found`) where the
   * user has no such device.
   */
  revoke(deviceId: string): Promise<void>
}

export function createDevices(
  store: Store,
  /** Calls a database function. */
  call: <T>(name: string, args: object) => Promise<T>,
  /** The app's description of this device; `register` and `rename` override it. */
  defaultInfo: DeviceInfo = {},
): Devices {
  async function register(info: DeviceInfo = {}): Promise<void> {
    const device = await store.write('local', async ({ tx }) => {
      const device = await deviceOf(tx)
      const next = { ...device, info: { ...device.info, ...info } }
      await tx.putMany('meta', [next])
      return next
    })
    await call('sync_register_device', {
      device_id: device.id,
      info: { ...defaultInfo, ...device.info },
    })
  }

  return {
    async current() {
      const { id, info } = await store.read(deviceOf)
      return { ...defaultInfo, ...info, device_id: id }
    },
    register,
    rename: (name) => register({ name }),
    async list() {
      const { id } = await store.read(deviceOf)
      const devices = await call<Omit<Device, 'current'>[]>('sync_devices', {})
      return devices.map((device) => ({ ...device, current: device.device_id === id }))
    },
    async revoke(device_id) {
      const { revoked_at } = await call<{ revoked_at: string | null }>('sync_revoke_device', {
        device_id,
      })
      if (revoked_at === null)
        throw new ConflictError({ code: 'not_found', message: 'The user has no such device.' })
    },
  }
}
