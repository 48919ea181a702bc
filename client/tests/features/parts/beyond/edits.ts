import { expect, it } from 'vitest'
import type { Conflict } from '../../../../src/index.ts'
import { rowsInDatabase } from '../../../support/project.ts'
import { collide, project } from '../../support.ts'

const BAD =
  'a bad edit never blocks the queue and is never thrown away: it is set aside with its payload and reason, and can be fixed and sent again'

export function edits(): void {
  const p = project()

  it('a bad edit never blocks the queue and is never thrown away: it is set aside with its payload and reason, and can be fixed and sent again', async () => {
    const table = await p.make('name text, n int constraint small check (n < 100)', 'merge')
    const { sync, rows } = await p.open({}, [table])
    await rows.insert({ name: 'before', n: 1 })
    const bad = await rows.insert({ name: 'bad', n: 1000 })
    await rows.insert({ name: 'after', n: 2 })
    expect(await sync.sync()).toMatchObject({ pushed: 2, rejected: 1 })
    expect(await rowsInDatabase(p.sql, table)).toHaveLength(2)
    const [kept] = await sync.queue.list({ status: 'failed' })
    expect(kept).toMatchObject({
      id: bad.id,
      data: { name: 'bad', n: 1000 },
      error: { code: 'constraint', message: expect.stringContaining('small') as string },
    })
    await sync.queue.editFailed(kept!.seq, { n: 99 })
    await sync.queue.retryFailed([kept!.seq])
    expect(await sync.sync()).toMatchObject({ pushed: 1, rejected: 0 })
    expect(await rows.get(bad.id)).toMatchObject({ name: 'bad', n: 99 })
    expect(await rowsInDatabase(p.sql, table)).toHaveLength(3)
  })

  it.each(['last_write_wins', 'client_wins', 'manual'])(
    `${BAD}: what was edited after it stays (%s)`,
    async (policy) => {
      const table = await p.make(
        'name text, phone text check (phone <> $$bad$$), note text, n int',
        policy,
        { n: 'sum' },
      )
      const { sync } = await p.open({}, [table])
      const rows = sync.table(table)
      const made = await rows.insert({ name: 'x', phone: '1', note: 'x', n: 1 })
      const id = made.id as string
      await sync.sync()
      await rows.update(id, { name: 'older', phone: 'bad', note: 'older', n: 2 })
      expect(await sync.sync()).toMatchObject({ rejected: 1 })
      await rows.update(id, { name: 'newer', note: 'newer', n: 5 })
      await sync.sync()

      const lost: unknown[] = []
      sync.on('lost', (loss) => lost.push(loss))
      const [kept] = await sync.queue.list({ status: 'failed' })
      await sync.queue.editFailed(kept!.seq, { phone: '2', note: 'newest' })
      await sync.queue.retryFailed()
      expect(await sync.sync()).toMatchObject({ pushed: 1, rejected: 0 })
      const both = { name: 'newer', phone: '2', note: 'newest', n: 6 }
      expect(await rowsInDatabase(p.sql, table)).toMatchObject([both])
      expect(await rows.get(id)).toMatchObject(both)
      expect(lost).toEqual([{ table, id, columns: ['name'] }])
      await sync.sync()
      expect(await rows.get(id)).toMatchObject(both)
    },
  )

  it(`${BAD}: what was edited after it and waits still stays too`, async () => {
    const table = await p.make('name text, n int check (n < 100)', 'client_wins')
    const { sync, rows } = await p.open({ batch: { mutations: 1 } }, [table])
    const { id } = await rows.insert({ name: 'x', n: 1 })
    await sync.sync()
    await rows.update(id, { name: 'older', n: 1000 })
    expect(await sync.sync()).toMatchObject({ rejected: 1 })
    await rows.update(id, { name: 'newer' })
    const [kept] = await sync.queue.list({ status: 'failed' })
    await sync.queue.editFailed(kept!.seq, { n: 2 })
    await sync.queue.retryFailed()
    expect(await sync.sync()).toMatchObject({ pushed: 2, rejected: 0 })
    expect(await rowsInDatabase(p.sql, table)).toMatchObject([{ name: 'newer', n: 2 }])
    expect(await rows.get(id)).toMatchObject({ name: 'newer', n: 2 })
  })

  it('field-level three-way merge in the database, per-column rules, and every overruled value reported', async () => {
    const table = await p.make(
      'name text, phone text, n int, tags jsonb, seen int, note text',
      'last_write_wins',
      { n: 'sum', tags: 'union', seen: 'max', note: 'server' },
    )
    const base = { name: 'x', phone: '1', n: 10, tags: ['a'], seen: 3, note: 'base' }
    const first = { phone: '2', n: 15, tags: ['a', 'b'], seen: 7, note: 'first' }
    const second = { name: 'y', n: 12, tags: ['a', 'c'], seen: 5, note: 'second' }
    const { b, id } = await collide<object>(p, table, base, first, second)
    const lost: unknown[] = []
    const conflicts: Conflict[] = []
    b.sync.on('lost', (loss) => lost.push(loss))
    b.sync.on('conflict_detected', (conflict) => conflicts.push(conflict))
    await b.sync.sync()

    const merged = { name: 'y', phone: '2', n: 17, tags: ['a', 'b', 'c'], seen: 7, note: 'first' }
    expect(await rowsInDatabase(p.sql, table)).toMatchObject([merged])
    expect(await b.rows.get(id)).toMatchObject(merged)
    expect(lost).toEqual([{ table, id, columns: ['note', 'seen'] }])
    expect(conflicts).toMatchObject([{ id, lost: ['note', 'seen'], mine: { note: 'second' } }])
  })
}
