import { expect, it } from 'vitest'
import { rowsInDatabase } from '../../../support/project.ts'
import { project } from '../../support.ts'

export function partial(): void {
  const p = project()

  it('partial records: an edit sends the columns it changes, and leaves the others to whoever edits them', async () => {
    const { sync, rows, faults } = await p.open()
    const { id } = await rows.insert({ name: 'Ada', phone: '1', n: 1 })
    await sync.sync()
    await rows.update(id, { name: 'Ada', phone: '2', n: 1 })
    await p.sql`update ${p.sql(p.table)} set n = 7 where id = ${id}`
    await sync.sync()
    const sent = faults.bodies.flatMap(({ mutations = [] }) => mutations as { data: object }[])
    expect(sent.at(-1)!.data).toEqual({ phone: '2' })
    expect(await rowsInDatabase(p.sql, p.table)).toMatchObject([{ name: 'Ada', phone: '2', n: 7 }])
    expect(await rows.get(id)).toMatchObject({ name: 'Ada', phone: '2', n: 7 })
  })
}
