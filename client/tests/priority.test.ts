import fc from 'fast-check'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Sql } from 'postgres'
import { connect, createUser, type TestUser, uniqueName } from '../../dev/testing.ts'
import { memoryStorage } from '../src/index.ts'
import { inOrder } from '../src/database/order.ts'
import { device, makeTable, rowsInDatabase } from './support/project.ts'
import { edit } from './support/records.ts'
import { type QueuedMutation } from '../src/model/records.ts'

const order = (edits: QueuedMutation[], before: Record<number, object> = {}): number[] =>
  inOrder(
    edits,
    ({ seq }) => (before[seq] ?? null) as never,
    ({ rank = 0 }) => rank,
  ).map(({ mutation: { seq } }) => seq)

describe('edits go out in order of urgency', () => {
  it('and in the order in which they were made where that is the same', () => {
    const edits = [0, 1, -1, 0, 1, -1].map((rank, n) =>
      edit(n + 1, { id: `r${n}`, data: {}, rank }),
    )
    expect(order(edits)).toEqual([3, 6, 1, 4, 2, 5])
  })

  it('but edits of one row stay in order, and the earlier ones are as urgent as the last', () => {
    const edits = [
      edit(1, { id: 'other', data: {} }),
      edit(2, { id: 'a', data: {}, rank: 1 }),
      edit(3, { id: 'a', op: 'patch', data: {}, rank: -1 }),
    ]
    expect(order(edits)).toEqual([2, 3, 1])
  })

  it('but a parent goes before its child, and its parent before that', () => {
    const edits = [
      edit(1, { table: 'x', id: 'other', data: {} }),
      edit(2, { table: 'trips', id: 'trip', data: { id: 'trip' }, rank: 1 }),
      edit(3, { table: 'days', id: 'day', data: { id: 'day', trip: 'trip' }, rank: 1 }),
      edit(4, { table: 'items', id: 'item', data: { id: 'item', day: 'day' }, rank: -1 }),
    ]
    expect(order(edits)).toEqual([2, 3, 4, 1])
  })

  it('but a row is made before one that was made earlier and has come to need it', () => {
    const edits = [
      edit(1, { table: 'items', id: 'item', data: { id: 'item', day: 'day' }, rank: -1 }),
      edit(2, { table: 'x', id: 'other', data: { id: 'other' } }),
      edit(3, { table: 'days', id: 'day', data: { id: 'day', trip: 'trip', item: 'item' } }),
      edit(4, { table: 'trips', id: 'trip', data: { id: 'trip' }, rank: 1 }),
    ]
    expect(order(edits)).toEqual([4, 3, 1, 2])
  })

  it('but a parent is removed after what still points at it is removed or moved', () => {
    const edits = [
      edit(1, { table: 'x', id: 'other', data: {} }),
      edit(2, { table: 'days', id: 'day', op: 'delete', rank: 1 }),
      edit(3, {
        table: 'days',
        id: 'd2',
        op: 'patch',
        data: { trip: 'new' },
        old: { trip: 'trip' },
      }),
      edit(4, { table: 'trips', id: 'trip', op: 'delete', rank: -1 }),
    ]
    expect(order(edits, { 2: { id: 'day', trip: 'trip' } })).toEqual([2, 3, 4, 1])
  })

  it('but a value is given up before another row takes it', () => {
    const edits = [
      edit(1, { id: 'other', data: {} }),
      edit(2, { id: 'a', op: 'delete', rank: 1 }),
      edit(3, { id: 'b', op: 'patch', data: { code: 'z' }, old: { code: 'y' } }),
      edit(4, { id: 'c', data: { id: 'c', code: 'x' }, rank: -1 }),
      edit(5, { id: 'd', data: { id: 'd', code: 'y' }, rank: -1 }),
    ]
    expect(order(edits, { 2: { code: 'x' } })).toEqual([2, 3, 4, 5, 1])
  })

  it('and nothing overtakes what it depends on, whatever the edits are', () => {
    const ids = ['a', 'b', 'c', 'd']
    const history = fc.array(
      fc.record({
        id: fc.constantFrom(...ids),
        parent: fc.constantFrom('none', ...ids),
        rank: fc.integer({ min: -2, max: 2 }),
      }),
      { maxLength: 20 },
    )
    fc.assert(
      fc.property(history, (made) => {
        const edits = made.map(({ id, parent, rank }, n) =>
          edit(n + 1, { id, op: 'patch', data: { parent }, rank }),
        )
        const places = new Map(order(edits).map((seq, place) => [seq, place]))
        expect(places.size).toBe(edits.length)
        for (const [n, early] of made.entries())
          for (const [m, late] of made.entries()) {
            const depends =
              early.id === late.id || late.parent === early.id || early.parent === late.id
            if (n < m && depends) expect(places.get(n + 1)).toBeLessThan(places.get(m + 1)!)
          }
      }),
      { verbose: 1 },
    )
  })

  it('and every row is made before those that name it, in whatever order they were begun', () => {
    const rows = fc.array(fc.record({ parent: fc.nat(), at: fc.nat(), rank: fc.nat(2) }))
    fc.assert(
      fc.property(rows, (made) => {
        const begun = made.map(({ parent, at, rank }, n) => ({
          at,
          rank,
          id: `r${n}`,
          data: { parent: n > 0 ? `r${parent % n}` : null },
        }))
        begun.sort((a, b) => a.at - b.at)
        const edits = begun.map(({ id, data, rank }, n) => edit(n + 1, { id, data, rank }))
        const ids = order(edits).map((seq) => edits[seq - 1]!.id)
        expect(ids.toSorted()).toEqual(made.map((_, n) => `r${n}`).toSorted())
        for (const { id, data } of edits)
          if (data!.parent) expect(ids.indexOf(String(data!.parent))).toBeLessThan(ids.indexOf(id))
      }),
      { verbose: 1 },
    )
  })
})

describe('on the way to the server', () => {
  let sql: Sql
  let user: TestUser

  beforeAll(async () => {
    sql = connect()
    user = await createUser()
  })
  afterAll(() => sql.end())

  /** Names in the order in which they were sent. */
  const sent = (bodies: Record<string, unknown>[]): unknown[] =>
    bodies.flatMap(({ mutations = [] }) =>
      (mutations as { data: { name: string } }[]).map(({ data }) => data.name),
    )

  it('urgent edits and urgent tables overtake what waits, and everything arrives once', async () => {
    const [usual, urgent] = [await makeTable(sql), await makeTable(sql)]
    const { sync, rows, faults } = await device(
      user,
      [usual, { name: urgent, priority: 'critical' }],
      { batch: { mutations: 2 } },
    )
    await rows.insertMany([{ name: 'low' }, { name: 'low 2' }], { priority: 'low' })
    await rows.insertMany([{ name: 'usual' }, { name: 'usual 2' }, { name: 'usual 3' }])
    await rows.insert({ name: 'high' }, { priority: 'high' })
    await sync.table(urgent).insert({ name: 'critical' })
    expect(await sync.sync()).toMatchObject({ pushed: 7, rejected: 0 })
    expect(sent(faults.bodies)).toEqual([
      'critical',
      'high',
      'usual',
      'usual 2',
      'usual 3',
      'low',
      'low 2',
    ])
    const seqs = faults.bodies.flatMap(({ mutations = [] }) =>
      (mutations as { seq: number }[]).map(({ seq }) => seq),
    )
    expect(seqs).toEqual([1, 2, 3, 4, 5, 6, 7])
    expect(await rowsInDatabase(sql, usual)).toHaveLength(6)
    expect(await rowsInDatabase(sql, urgent)).toHaveLength(1)
    await sync.close()
  })

  it('one that is made while a long push runs goes out with the next batch', async () => {
    const table = await makeTable(sql)
    const { sync, rows, faults } = await device(user, [table], { batch: { mutations: 2 } })
    await rows.insertMany(Array.from({ length: 8 }, (_, n) => ({ name: `usual ${n}` })))
    let made: Promise<unknown> | undefined
    sync.on('sync_progress', ({ done }) => {
      if (done === 2) made ??= rows.insert({ name: 'high' }, { priority: 'high' })
    })
    expect(await sync.push()).toMatchObject({ pushed: 9 })
    await made
    const names = sent(faults.bodies)
    expect(names.indexOf('high')).toBeGreaterThanOrEqual(2)
    expect(names.indexOf('high')).toBeLessThanOrEqual(4)
    expect(names.toSorted()).toHaveLength(9)
    await sync.close()
  })

  it('what was sent and not answered goes out first and unchanged, however urgent the rest is', async () => {
    const table = await makeTable(sql)
    const { sync, rows, faults } = await device(user, [table], { batch: { mutations: 2 } })
    await rows.insertMany([{ name: 'a' }, { name: 'b' }, { name: 'c' }])
    faults.always('after')
    await expect(sync.push()).rejects.toMatchObject({ name: 'NetworkError' })
    await rows.insertMany([{ name: 'd' }, { name: 'e' }], { priority: 'high' })
    faults.reset()
    faults.bodies.length = 0
    expect(await sync.push()).toMatchObject({ pushed: 5 })
    expect(sent(faults.bodies)).toEqual(['a', 'b', 'd', 'e', 'c'])
    expect(await rowsInDatabase(sql, table)).toHaveLength(5)
    await sync.close()
  })

  /** A table, and one whose rows may name one of its. */
  async function family(): Promise<[parents: string, children: string]> {
    const [parents, children] = [uniqueName('p'), uniqueName('c')]
    for (const [name, more] of [
      [parents, ''],
      [children, `, parent uuid references public.${parents} on delete cascade`],
    ])
      await sql.unsafe(`
        create table public.${name} (id uuid primary key, user_id uuid not null default auth.uid(), name text ${more});
        alter table public.${name} enable row level security;
        create policy "own rows" on public.${name} to authenticated
          using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
        grant select, insert, update, delete on public.${name} to authenticated;
        select tidemark.add_table('public.${name}', 'user:user_id');`)
    return [parents, children]
  }

  it('nor where it was made first and the parent was chosen later', async () => {
    const [parents, children] = await family()
    const { sync } = await device(user, [parents, children], { batch: { mutations: 1 } })
    const [parent, child] = [sync.table(parents), sync.table(children)]
    for (const tables of [undefined, [children]]) {
      const { id } = await child.insert({ name: 'c' })
      const made = await parent.insert({ name: 'p' })
      await child.update(id as string, { parent: made.id })
      expect(await sync.sync(tables && { tables })).toMatchObject({ pushed: 2, rejected: 0 })
    }
    await sync.close()
  })

  it('nor where that is done while a push begins', async () => {
    const [parents, children] = await family()
    const storage = memoryStorage()
    const before = await device(user, [children], { storage })
    const { id } = await before.rows.insert({ name: 'c' })
    await before.sync.close()
    // A store of an earlier session first asks how much of it the server has heard.
    const { sync, faults } = await device(user, [parents, children], { storage, timeout: 500 })
    faults.next('hang')
    const pushed = sync.push()
    await expect.poll(() => faults.paths).toHaveLength(1)
    const made = await sync.table(parents).insert({ name: 'p' })
    await sync.table(children).update(id, { parent: made.id })
    expect(await pushed).toMatchObject({ pushed: 2, rejected: 0 })
    await sync.close()
  })

  it('a parent is not removed before its child has left it', async () => {
    const [parents, children] = await family()
    const { sync } = await device(user, [parents, children], { batch: { mutations: 1 } })
    const [parent, child] = [sync.table(parents), sync.table(children)]
    const made = await parent.insert({ name: 'p' })
    await child.insert({ name: 'c', parent: made.id })
    await sync.sync()
    const [{ id }] = (await child.list()) as [{ id: string }]
    await parent.update(made.id as string, { name: 'changed' })
    await child.update(id, { parent: null })
    await parent.remove(made.id as string)
    expect(await sync.sync()).toMatchObject({ rejected: 0, conflicts: 0 })
    expect(await rowsInDatabase(sql, parents)).toEqual([])
    expect(await rowsInDatabase(sql, children)).toMatchObject([{ name: 'c', parent: null }])
    await sync.close()
  })

  it('a child never comes before its parent', async () => {
    const [parents, children] = await family()
    const { sync, faults } = await device(
      user,
      [
        { name: parents, priority: 'low' },
        { name: children, priority: 'high' },
      ],
      { batch: { mutations: 2 } },
    )
    const [parent, child] = [sync.table(parents), sync.table(children)]
    const made: unknown[] = []
    for (const n of [1, 2, 3]) made.push((await parent.insert({ name: `p${n}` })).id)
    await child.insert({ name: 'c3', parent: made[2] })
    expect(await sync.sync()).toMatchObject({ pushed: 4, rejected: 0 })
    expect(sent(faults.bodies)).toEqual(['p3', 'c3', 'p1', 'p2'])
    await sync.close()
  })
})

describe('an item of the queue', () => {
  it('tells how often it was tried, when, and why that failed; put right, a refused one goes through', async () => {
    const sql = connect()
    const user = await createUser()
    const table = await makeTable(sql, 'name text, n int check (n < 100)')
    const { sync, rows, faults } = await device(user, [table])
    const { id } = await rows.insert({ name: 'x', n: 1000 })
    faults.always('before')
    await expect(sync.push()).rejects.toMatchObject({ name: 'NetworkError' })
    expect(await sync.queue.list()).toMatchObject([
      { status: 'sent', attempts: 4, error: { code: 'network' }, lastAttempt: expect.any(String) },
    ])
    faults.reset()
    expect(await sync.push()).toMatchObject({ pushed: 0, rejected: 1 })
    const [failed] = await sync.queue.list()
    expect(failed).toMatchObject({ status: 'failed', attempts: 5, error: { code: 'constraint' } })
    await sync.queue.editFailed(failed!.seq, { n: 7 })
    await expect(sync.queue.editFailed(99, {})).rejects.toMatchObject({ code: 'not_found' })
    expect(await sync.queue.retryFailed()).toBe(1)
    expect(await sync.sync()).toMatchObject({ pushed: 1 })
    expect(await rowsInDatabase(sql, table)).toMatchObject([{ id, name: 'x', n: 7 }])
    await sync.close()
    await sql.end()
  })
})
