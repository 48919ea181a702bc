import { expect, it } from 'vitest'
import type { Conflict } from '../../../../src/index.ts'
import { collide, project } from '../../support.ts'

export function conflicts(): void {
  const p = project()

  it('network error keeps the queue, conflict is handled and the queue goes on', async () => {
    const { b, id } = await collide(p, p.table, { name: 'x' }, { name: 'a' }, { name: 'b' })
    await b.rows.insert({ name: 'behind the conflict' })
    b.faults.always('before')
    await expect(b.sync.sync()).rejects.toMatchObject({ name: 'NetworkError' })
    expect(await b.sync.queue.list()).toHaveLength(2)
    b.faults.reset()
    expect(await b.sync.sync()).toMatchObject({ pushed: 2, rejected: 0 })
    expect(await b.sync.queue.list()).toEqual([])
    expect(await b.rows.get(id)).toMatchObject({ name: 'b' })
  })

  it('user notified where a conflict needs attention', async () => {
    const table = await p.make(undefined, 'manual')
    const told: Conflict[] = []
    const { b, id } = await collide(
      p,
      table,
      { name: 'x' },
      { name: 'a' },
      { name: 'b' },
      { onConflict: (conflict) => told.push(conflict) },
    )
    await b.sync.sync()
    expect(told).toMatchObject([{ table, id, mine: { name: 'b' }, row: { name: 'a' } }])
    expect(told[0]!.conflictId).toBe((await b.sync.conflicts.list())[0]!.conflict_id)
    expect((await b.sync.health()).conflicts).toMatchObject({ status: 'warning' })
  })
}
