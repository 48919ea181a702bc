import { expect, it } from 'vitest'
import { checksumOf } from '../../../../src/database/checksums.ts'
import { project } from '../../support.ts'

export function change(): void {
  const p = project()

  it('change: ids, operation, data, previous data, user, version, timestamp, checksum, device, client version, attempts, error', async () => {
    const one = await p.open({ device: { name: 'phone', client_version: '7.1' } })
    const { id } = await one.rows.insert({ name: 'Ada', n: 1 })
    await one.sync.sync()
    await one.rows.update(id, { name: 'Ada Lovelace' })
    one.faults.always('before')
    await one.sync.push().catch(() => {})
    one.faults.reset()

    const [item] = await one.sync.queue.list()
    expect(item).toEqual({
      seq: 2,
      table: p.table,
      id,
      op: 'patch',
      data: { name: 'Ada Lovelace' },
      old: { name: 'Ada' },
      base: 1,
      edited_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
      checksum: checksumOf({ ...item!, size: 0 }),
      status: 'sent',
      attempts: 4,
      lastAttempt: expect.any(String),
      error: { code: 'network', message: expect.any(String) },
    })
    const device = await one.sync.devices.current()
    expect(device).toMatchObject({ client_version: '7.1', device_id: expect.any(String) })
    await one.sync.sync()
    const [logged] = await p.sql`
      select device_id, user_id, version::int from tidemark.sync_changes
      where row_id = ${id} order by id desc limit 1`
    expect(logged).toEqual({ device_id: device.device_id, user_id: p.user.id, version: 2 })
    const [known] = await one.sync.devices.list()
    expect(known).toMatchObject({ device_id: device.device_id, client_version: '7.1' })
  })
}
