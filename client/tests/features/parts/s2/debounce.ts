import { expect, it } from 'vitest'
import { handClock } from '../../../support/time.ts'
import { project } from '../../support.ts'

export function debounce(): void {
  const p = project()

  it('debounced sync', async () => {
    const time = handClock(Date.now())
    const { sync, rows, faults } = await p.open({ mode: 'auto', clock: time.clock })
    await sync.ready()
    await expect.poll(() => sync.status().lastSync).not.toBeNull()
    const before = faults.paths.length
    const completed = new Promise((resolve) => void sync.on('sync_completed', resolve))
    await rows.insert({ n: 1 })
    await time.pass(400)
    await rows.insert({ n: 2 })
    await time.pass(400)
    expect(faults.paths).toHaveLength(before)
    await time.pass(100)
    expect(await completed).toMatchObject({ pushed: 2 })
  })
}
