import { expect, it } from 'vitest'
import { project } from '../../support.ts'

export function devices(): void {
  const p = project()

  it("devices: this device's id and name, register, list, deregister", async () => {
    const phone = await p.open({ device: { name: 'Phone', platform: 'iOS' } })
    const laptop = await p.open()
    const { device_id } = await phone.sync.devices.current()
    expect(await phone.sync.devices.current()).toEqual({
      device_id,
      name: 'Phone',
      platform: 'iOS',
    })
    await phone.sync.devices.register()
    await laptop.sync.devices.register({ name: 'Laptop' })
    await laptop.sync.devices.rename('Old laptop')
    expect(await phone.sync.devices.list()).toMatchObject([
      { device_id, name: 'Phone', platform: 'iOS', current: true, revoked_at: null },
      { name: 'Old laptop', current: false },
    ])
    const other = await laptop.sync.devices.current()
    await phone.sync.devices.revoke(other.device_id)
    await laptop.rows.insert({ name: 'unsent' })
    await expect(laptop.sync.sync()).rejects.toMatchObject({ code: 'device_revoked' })
    expect(await laptop.sync.queue.stats()).toMatchObject({ failed: 0 })
    expect(await laptop.sync.queue.list()).toHaveLength(1)
    await expect(phone.sync.devices.revoke(crypto.randomUUID())).rejects.toMatchObject({
      name: 'ConflictError',
      code: 'not_found',
    })
  })
  it("devices: this device's id and name, register, list, deregister: a new one is described by its first push", async () => {
    const { sync, rows } = await p.open({ device: { name: 'Tablet' } })
    await rows.insert({ name: 'Ada' })
    await sync.sync()
    const current = (await sync.devices.list()).find(({ current }) => current)
    expect(current).toMatchObject({ name: 'Tablet', last_seq: 1 })
  })
}
