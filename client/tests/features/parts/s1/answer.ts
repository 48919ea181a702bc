import { expect, it } from 'vitest'
import { project } from '../../support.ts'

interface Answer {
  data: {
    changes: { scope: string; table: string; upsert: object[]; remove: string[] }[]
    cursor: object
    more: boolean
    server_time: string
  }
}

export function answers(): void {
  const p = project()

  it('answer carries changes, deletions, server time, has-more, cursor', async () => {
    const { sync, rows } = await p.open()
    const [ada, grace] = await rows.insertMany([{ name: 'Ada' }, { name: 'Grace' }])
    await sync.sync()
    const device_id = crypto.randomUUID()
    const pull = async (cursor: object | null, limit: number): Promise<Answer['data']> => {
      const args = { device_id, cursor, options: { tables: [p.table], limit } }
      const { data } = (await p.user.client.rpc('sync_pull', args)) as unknown as Answer
      return data
    }
    const first = await pull(null, 1)
    expect(first).toMatchObject({
      changes: [{ scope: `user:${p.user.id}`, table: p.table, upsert: [{ name: 'Ada' }] }],
      cursor: expect.any(Object),
      more: true,
    })
    expect(Date.parse(first.server_time)).toBeGreaterThan(Date.parse('2026-01-01'))
    let { cursor, more } = first
    while (more) ({ cursor, more } = await pull(cursor, 1))

    await rows.remove(grace!.id)
    await rows.update(ada!.id, { n: 1 })
    await sync.sync()
    const next = await pull(cursor, 100)
    expect(next.more).toBe(false)
    expect(next.changes).toMatchObject([{ upsert: [{ id: ada!.id, n: 1 }], remove: [grace!.id] }])
  })
}
