import { expect, it } from 'vitest'
import { project } from '../../support.ts'

export function incremental(): void {
  const p = project()

  it('incremental pull', async () => {
    const a = await p.open()
    const b = await p.open()
    await a.rows.insertMany(Array.from({ length: 20 }, (_, n) => ({ n })))
    await a.sync.sync()
    expect(await b.sync.pull()).toMatchObject({ pulled: 20 })
    expect(await b.sync.pull()).toMatchObject({ pulled: 0 })
    const { id } = (await a.rows.list({ n: 7 }))[0]!
    await a.rows.update(id, { name: 'seven' })
    await a.sync.sync()
    expect(await b.sync.pull()).toMatchObject({ pulled: 1 })
    expect(await b.rows.get(id)).toMatchObject({ name: 'seven' })
  })
}
