import { expect, it } from 'vitest'
import { systemClock } from '../../../../src/util/clock.ts'
import { resolveConflicts, resolvers } from '../../../../src/index.ts'
import { collide, project } from '../../support.ts'
import { verify } from '../../../../src/integrations/maintenance/index.ts'

export function conflicts(): void {
  const p = project()

  it('conflict detection (both changed since last sync): only in columns that both changed', async () => {
    const { b, id } = await collide(
      p,
      p.table,
      { name: 'x', phone: '0', n: 0 },
      { name: 'a', n: 1 },
      { name: 'b', phone: '1' },
    )
    const told: unknown[] = []
    b.sync.on('lost', (lost) => told.push(lost))
    expect(await b.sync.sync()).toMatchObject({ pushed: 1, merged: 1, conflicts: 0 })
    expect(await b.rows.get(id)).toMatchObject({ name: 'b', phone: '1', n: 1 })
    expect(told).toEqual([])
  })

  const row = 'local-wins, remote-wins, merge, newest-wins, ask-user (parked, resolved later)'
  it.each([
    ['local-wins', 'client_wins', 'first edit, sent last'],
    ['remote-wins', 'server_wins', 'second edit, sent first'],
    ['newest-wins', 'last_write_wins', 'second edit, sent first'],
  ])(`${row}: %s`, async (_, policy, winner) => {
    const table = await p.make(undefined, policy)
    const a = await p.open({}, [table])
    let behind = 3_600_000
    const clock = { ...systemClock, now: () => Date.now() - behind }
    const b = await p.open({ clock }, [table])
    const { id } = await a.rows.insert({ name: 'x' })
    await a.sync.sync()
    await b.sync.sync()
    await b.rows.update(id, { name: 'first edit, sent last' })
    behind = 0
    await a.rows.update(id, { name: 'second edit, sent first' })
    await a.sync.sync()
    await b.sync.sync()
    await a.sync.sync()
    expect(await a.rows.get(id)).toMatchObject({ name: winner })
    expect(await b.rows.get(id)).toMatchObject({ name: winner })
  })

  it(`${row}: merge`, async () => {
    const table = await p.make('tags jsonb, extra jsonb', 'merge')
    const { a, b, id } = await collide<Record<string, unknown>>(
      p,
      table,
      { tags: ['x'], extra: { a: 1 } },
      { tags: ['x', 'a'], extra: { a: 1, from: 'a' } },
      { tags: ['x', 'b'], extra: { a: 2 } },
    )
    await b.sync.sync()
    await a.sync.sync()
    const merged = { tags: ['x', 'a', 'b'], extra: { a: 2, from: 'a' } }
    expect(await a.rows.get(id)).toMatchObject(merged)
    expect(await b.rows.get(id)).toMatchObject(merged)
  })

  it(`${row}: ask-user`, async () => {
    const table = await p.make(undefined, 'manual')
    const { a, b, id } = await collide(p, table, { name: 'x' }, { name: 'a' }, { name: 'b' })
    expect(await b.sync.sync()).toMatchObject({ conflicts: 1 })
    expect(await b.rows.get(id)).toMatchObject({ name: 'a' })
    const [open] = await b.sync.conflicts.list()
    expect(open).toMatchObject({ table, id, client: { name: 'b' }, columns: ['name'] })
    await b.sync.conflicts.resolve(open!.conflict_id, { row: { name: 'both' } })
    expect(await b.rows.get(id)).toMatchObject({ name: 'both' })
    expect(await b.sync.conflicts.list()).toEqual([])
    await expect(b.sync.conflicts.resolve(open!.conflict_id, 'client')).rejects.toMatchObject({
      name: 'ConflictError',
      code: 'conflict_not_open',
    })
    await a.sync.sync()
    expect(await a.rows.get(id)).toMatchObject({ name: 'both' })
  })

  it('merge: local-only fields stay on the device, newest per named field, array union: the named field and the array', async () => {
    const table = await p.make('name text, note text, tags jsonb', 'manual')
    const { b, id } = await collide<Record<string, unknown>>(
      p,
      table,
      { name: 'x', note: 'x', tags: [1] },
      { name: 'a', note: 'a', tags: [1, 2] },
      { name: 'b', note: 'b', tags: [3] },
    )
    await b.sync.sync()
    const { resolved } = await resolveConflicts(b.sync, resolvers.mergeFields(['name']))
    expect(resolved[0]!.metadata).toMatchObject({
      strategy: 'mergeFields',
      columns: { name: 'client', note: 'server', tags: 'merged' },
    })
    expect(await b.rows.get(id)).toMatchObject({ name: 'b', note: 'a', tags: [2, 3] })
  })
}

export function metrics(): void {
  const p = project()

  it('metrics: queue length, pending creates/updates/deletes, failed, last/next sync, success rate, average time, data-in-sync check', async () => {
    const { sync, rows, faults } = await p.open()
    expect(await sync.stats()).toMatchObject({ lastSync: null, successRate: null, inSync: false })
    const made = await rows.insertMany([{ n: 1 }, { n: 2 }, { n: 3 }])
    await sync.sync()
    await rows.insert({ n: 4 })
    await rows.update(made[0]!.id, { n: 10 })
    await rows.remove(made[1]!.id)
    faults.always('before')
    await expect(sync.sync()).rejects.toMatchObject({ name: 'NetworkError' })
    const stats = await sync.stats()
    expect(stats).toMatchObject({
      queue: { length: 3, creates: 1, updates: 1, deletes: 1, failed: 0 },
      successRate: 0.5,
      inSync: false,
      totals: { runs: 2, succeeded: 1, pushed: 3 },
    })
    expect(stats.lastSync).toBe(stats.history[0]!.at)
    expect(stats.averageMs).toBe(stats.history[0]!.durationMs)
    faults.reset()
    await rows.insert({ user_id: '00000000-0000-4000-8000-000000000000' })
    await sync.sync()
    expect(await sync.stats()).toMatchObject({ queue: { length: 0, failed: 1 }, inSync: false })
    await sync.queue.clearFailed()
    sync.configure({ mode: 'periodic' })
    expect((await sync.stats()).nextSync).toBeNull()
    sync.start()
    await expect.poll(() => sync.status().nextSync).not.toBeNull()
    expect((await sync.stats()).nextSync).toBeGreaterThan(stats.lastSync!)
    sync.stop()
    expect((await sync.stats()).inSync).toBe(true)
    expect(await verify(sync, { heal: false })).toMatchObject({ inSync: true })
  })
}
