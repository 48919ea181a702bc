import { deviceOf } from '../database/meta.ts'
import type { Store } from '../database/store.ts'
import { ConflictError } from '../model/errors.ts'
import type { DeviceInfo } from '../model/records.ts'

/** A device of the user, as `sync_devices` gives it. Times in RFC 3339. */
export interface Device {
  device_id: string
  name: string | null
  platform: string | null
  client_version: string | null
  registered_at: string
  last_seen_at: string
  /** Seconds since it was last seen. */
  lag_seconds: number
  /** The last of its edits that the server has heard of. */
  last_seq: number
  /** When it was deregistered; null where it was not. */
  revoked_at: string | null
  /** True for the one in hand. */
  current: boolean
}

/** The devices of the user who is signed in. */
export interface Devices {
  /** The one in hand; known without the server. */
  current(): Promise<DeviceInfo & { device_id: string }>
  /** Tells the server of the one in hand, or describes it anew. A sync does that by itself. */
  register(info?: DeviceInfo): Promise<void>
  /** Gives the one in hand a name that people know it by. */
  rename(name: string): Promise<void>
  /** Oldest first. */
  list(): Promise<Device[]>
  /**
   * Deregisters one: the server takes and gives nothing under its name any more. Throws a `ConflictError`
   * (`not_found`) where the user has no such device.
   */
  revoke(deviceId: string): Promise<void>
}

export function createDevices(
  store: Store,
  /** Calls a database function. */
  call: <T>(name: string, args: object) => Promise<T>,
  /** What the app says of the one in hand; what the user says goes before. */
  told: DeviceInfo = {},
): Devices {
  async function register(info: DeviceInfo = {}): Promise<void> {
    const device = await store.write('local', async ({ tx }) => {
      const device = await deviceOf(tx)
      const next = { ...device, info: { ...device.info, ...info } }
      await tx.putMany('meta', [next])
      return next
    })
    await call('sync_register_device', { device_id: device.id, info: { ...told, ...device.info } })
  }

  return {
    async current() {
      const { id, info } = await store.read(deviceOf)
      return { ...told, ...info, device_id: id }
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
        throw new ConflictError({ code: 'not_found', message: 'You have no such device.' })
    },
  }
}
