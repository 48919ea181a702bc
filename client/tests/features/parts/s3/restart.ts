import { expect, it } from 'vitest'
import { rowsInDatabase } from '../../../support/project.ts'
import { kinds } from '../../../support/storages.ts'
import { project } from '../../support.ts'

const row = 'queue that survives restarts'

export function restart(): void {
  const p = project()

  it(`${row}: on every storage, in order, with what was refused and why`, async () => {
    for (const { kind, make } of kinds) {
      const again = make()
      const before = await p.open({ storage: again() })
      await before.rows.insert({ id: 'no uuid', name: kind })
      await before.sync.sync()
      const { id } = await before.rows.insert({ name: kind, n: 1 })
      await before.rows.insert({ name: kind, n: 2 })
      before.faults.always('after')
      await before.sync.push().catch(() => {})
      await before.rows.update(id, { phone: '3' })
      const queued = await before.sync.queue.list()
      await before.sync.close()

      const after = await p.open({ storage: again() })
      expect(await after.sync.queue.list(), kind).toEqual(queued)
      expect(queued.map(({ status }) => status)).toEqual(['failed', 'sent', 'sent', 'pending'])
      expect(queued[0]!.error).toMatchObject({ code: 'invalid_value' })
      expect(await after.sync.sync(), kind).toMatchObject({ pushed: 3, rejected: 0 })
      const stored = (await rowsInDatabase(p.sql, p.table)).filter(({ name }) => name === kind)
      expect(stored.map(({ n, phone, version }) => [n, phone, version]).toSorted(), kind).toEqual([
        [1, '3', 2],
        [2, null, 1],
      ])
      await after.sync.close()
    }
  })
}
