import { expect, it } from 'vitest'
import { project } from '../../support.ts'

export function reads(): void {
  const p = project()

  it('reads always local', async () => {
    const { sync, rows, faults } = await p.open()
    const { id } = await rows.insert({ name: 'Ada' })
    await sync.sync()
    faults.always('hang')
    const before = faults.paths.length
    expect(await rows.get(id)).toMatchObject({ name: 'Ada' })
    expect(await rows.list({ name: 'Ada' })).toHaveLength(1)
    expect(faults.paths).toHaveLength(before)
  })
}
