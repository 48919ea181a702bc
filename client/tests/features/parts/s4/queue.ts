import 'fake-indexeddb/auto'
import { expect, it } from 'vitest'
import { uniqueName } from '../../../../../dev/testing.ts'
import { indexedDbStorage } from '../../../../src/index.ts'
import { project } from '../../support.ts'

export function queue(): void {
  const p = project()

  it('persistent FIFO with sequence ids that survives a browser restart', async () => {
    const name = uniqueName('app')
    const before = await p.open({ storage: indexedDbStorage(name) })
    for (const n of [1, 2, 3]) await before.rows.insert({ n })
    await before.sync.close()
    const after = await p.open({ storage: indexedDbStorage(name) })
    const list = await after.sync.queue.list()
    expect(list.map(({ seq, data }) => [seq, data?.n])).toEqual([
      [1, 1],
      [2, 2],
      [3, 3],
    ])
    expect(await after.sync.sync()).toMatchObject({ pushed: 3 })
  })
}
