import { expect, it } from 'vitest'
import { onlineFirst } from '../../../../src/index.ts'
import { project } from '../../support.ts'

const row = 'offline-first and online-first (remote primary with local fall-back) behind one API'

export function strategies(): void {
  const p = project('name text, n int check (n < 100)')

  it(`${row}: offline-first`, async () => {
    const a = await p.open()
    const b = await p.open()
    const { id } = await a.rows.insert({ name: 'a' })
    expect(a.faults.paths).toEqual([])
    await a.sync.sync()
    expect(await b.rows.get(id)).toBeNull()
  })

  it(`${row}: online-first`, async () => {
    const a = await p.open()
    const b = await p.open()
    const [online, reader] = [onlineFirst(a.sync), onlineFirst(b.sync)]
    const rows = online.table(p.table)
    const made = await rows.insert({ name: 'a' })
    expect(made).toMatchObject({ version: 1 })
    expect(await reader.table(p.table).get(made.id as string)).toMatchObject({ name: 'a' })
    await expect(rows.update(made.id as string, { n: 100 })).rejects.toMatchObject({
      name: 'ValidationError',
      code: 'constraint',
    })
    expect(await a.sync.queue.list({ status: 'failed' })).toHaveLength(1)
    expect((await rows.get(made.id as string))!.n).toBeNull()
  })

  it(`${row}: the fall-back`, async () => {
    const a = await p.open()
    const rows = onlineFirst(a.sync, { timeout: 300 }).table(p.table)
    const { id } = await rows.insert({ name: 'a' })
    for (const fault of ['before', 'hang'] as const) {
      a.faults.always(fault)
      await rows.update(id as string, { name: fault })
      expect(await rows.get(id as string)).toMatchObject({ name: fault })
      expect((await rows.list({ name: fault })).length).toBe(1)
      expect(a.sync.status().pending).toBe(1)
      a.faults.reset()
      await a.sync.sync()
    }
    expect(await p.sql.unsafe(`select name from ${p.table} where id = $1`, [id as string])).toEqual(
      [{ name: 'hang' }],
    )
  })
}
