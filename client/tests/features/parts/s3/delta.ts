import { expect, it } from 'vitest'
import { project } from '../../support.ts'

export function delta(): void {
  const p = project()

  it('delta sync: of a changed row its changed columns go up, and of 100 rows one comes down', async () => {
    const a = await p.open({ transport: 'rpc' })
    const b = await p.open()
    const made = await a.rows.insertMany(Array.from({ length: 100 }, (_, n) => ({ n, name: 'x' })))
    await a.sync.sync()
    await b.sync.sync()
    await a.rows.update(made[5]!.id, { phone: '1' })
    await a.sync.push()
    expect(a.faults.bodies.at(-1)).toMatchObject({
      mutations: [{ op: 'patch', id: made[5]!.id, data: { phone: '1' } }],
    })
    expect(await b.sync.sync()).toMatchObject({ pulled: 1 })
  })
}
