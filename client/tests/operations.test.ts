import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, createUser, type TestUser } from '../../dev/testing.ts'
import { memoryStorage, type Progress, type SyncStorage } from '../src/index.ts'
import { omit } from '../src/util/omit.ts'
import { device, makeTable, rowsInDatabase } from './support/project.ts'
import { optimize, recover, repair, verify } from '../src/integrations/maintenance/index.ts'

let sql: Sql
let user: TestUser

beforeAll(async () => {
  sql = connect()
  user = await createUser()
})
afterAll(() => sql.end())

const names = (bodies: Record<string, unknown>[]): unknown[] =>
  bodies.flatMap(({ mutations = [] }) =>
    (mutations as { data?: { name: string } }[]).map(({ data }) => data?.name),
  )

/** Writes rows as somebody else's device would have. */
const fill = (table: string, from: number, to: number) =>
  sql.unsafe(
    `insert into public.${table} (user_id, n, name)
     select $1, g, 'row ' || g from generate_series($2::int, $3::int) g`,
    [user.id, from, to],
  )

describe('a sync of chosen tables', () => {
  it('sends and fetches only theirs; the rest follows when it is asked for', async () => {
    const [one, two] = [await makeTable(sql), await makeTable(sql)]
    await fill(one, 1, 10)
    await fill(two, 1, 10)
    const { sync, rows, faults } = await device(user, [one, two])
    const others = sync.table(two)
    await others.insert({ name: 'two' })
    await rows.insert({ name: 'one' })
    expect(await sync.sync({ tables: [one] })).toMatchObject({ pushed: 1, pulled: 10 })
    expect(names(faults.bodies)).toEqual(['one'])
    expect(await others.list()).toHaveLength(1)
    await fill(one, 11, 12)
    expect(await sync.sync()).toMatchObject({ pushed: 1, pulled: 12 })
    expect(await rows.list()).toHaveLength(13)
    expect(await others.list()).toHaveLength(11)
    expect(() => sync.table('no such')).toThrow('no such')
    await expect(sync.sync({ tables: ['no such'] })).rejects.toMatchObject({
      code: 'unknown_table',
    })
    await sync.close()
  })

  it('sends what their edits need of other tables too', async () => {
    const [children, parents] = [await makeTable(sql), await makeTable(sql)]
    const { sync, rows, faults } = await device(user, [children, parents])
    const parent = await sync.table(parents).insert({ name: 'parent' })
    await sync.table(parents).insert({ name: 'unrelated' })
    await rows.insert({ name: 'child', phone: parent.id as string })
    expect(await sync.push({ tables: [children] })).toMatchObject({ pushed: 2 })
    expect(names(faults.bodies)).toEqual(['parent', 'child'])
    expect(await sync.push()).toMatchObject({ pushed: 1 })
    await sync.close()
  })

  it('tells its own progress, and ends when it is aborted without losing what it has', async () => {
    const table = await makeTable(sql)
    await fill(table, 1, 100)
    const { sync, rows } = await device(user, [table], { pageSize: 10 })
    const stop = new AbortController()
    const seen: Progress[] = []
    const running = sync.hydrate({
      signal: stop.signal,
      onProgress(progress) {
        seen.push(progress)
        if (progress.done >= 30) stop.abort()
      },
    })
    await expect(running).rejects.toMatchObject({ code: 'aborted' })
    expect(seen[0]).toMatchObject({ phase: 'pull', done: 10, total: 100, percentage: 10 })
    const held = (await rows.list()).length
    expect(held).toBeGreaterThanOrEqual(30)
    expect(held).toBeLessThan(100)
    expect(await sync.hydrate()).toMatchObject({ pulled: 100 - held })
    expect(sync.status()).toMatchObject({ state: 'idle', lastError: null })
    await sync.close()
  })

  it('a listener to progress that throws harms nobody', async () => {
    const table = await makeTable(sql)
    const { sync, rows } = await device(user, [table])
    await rows.insert({ name: 'x' })
    const onProgress = () => {
      throw new Error('of the app')
    }
    expect(await sync.sync({ onProgress })).toMatchObject({ pushed: 1 })
    await sync.close()
  })
})

describe('directions', () => {
  it('seed and push-only send, hydrate and pull-only fetch, and nothing else', async () => {
    const table = await makeTable(sql)
    await fill(table, 1, 5)
    const up = await device(user, [table], { direction: 'push-only' })
    await up.rows.insert({ name: 'up' })
    expect(await up.sync.sync()).toMatchObject({ pushed: 1, pulled: 0 })
    await up.rows.insert({ name: 'seeded' })
    expect(await up.sync.seed()).toMatchObject({ pushed: 1, pulled: 0 })
    expect(await up.rows.list()).toHaveLength(2)

    const down = await device(user, [table], { direction: 'pull-only' })
    await down.rows.insert({ name: 'stays' })
    expect(await down.sync.sync()).toMatchObject({ pushed: 0, pulled: 7 })
    await fill(table, 6, 6)
    expect(await down.sync.hydrate()).toMatchObject({ pushed: 0, pulled: 1 })
    expect(down.sync.status().pending).toBe(1)

    down.sync.configure({ direction: 'both' })
    expect(await down.sync.sync()).toMatchObject({ pushed: 1 })
    await Promise.all([up.sync.close(), down.sync.close()])
  })
})

describe('requests through the functions', () => {
  it('are compressed where that is worth it', async () => {
    const table = await makeTable(sql)
    const { sync, rows, faults } = await device(user, [table], { compress: true })
    await rows.insertMany(Array.from({ length: 100 }, (_, n) => ({ name: `row number ${n}` })))
    expect(await sync.sync()).toMatchObject({ pushed: 100 })
    await rows.insertMany(Array.from({ length: 1000 }, (_, n) => ({ name: `row number ${n}` })))
    expect(await sync.push()).toMatchObject({ pushed: 1000 })
    expect(faults.paths).toEqual(['/functions/v1/sync', '/functions/v1/sync-push'])
    for (const [n, body] of faults.bodies.entries())
      expect(faults.sizes[n]! * 3).toBeLessThan(JSON.stringify(body).length)
    expect(await rowsInDatabase(sql, table)).toHaveLength(1100)
    await sync.close()
  })

  it('fall back to the database functions where they are not deployed', async () => {
    const table = await makeTable(sql)
    const { sync, rows, faults } = await device(user, [table], { compress: true })
    faults.alwaysAt('/functions/', 'absent')
    await rows.insert({ name: 'x' })
    expect(await sync.push()).toMatchObject({ pushed: 1 })
    expect(faults.paths).toEqual(['/functions/v1/sync-push', '/rest/v1/rpc/sync_push'])
    await sync.close()
  })
})

describe('a download afresh', () => {
  it('goes on beside the rows that are there; those that are gone go at its end; edits stay', async () => {
    const table = await makeTable(sql)
    await fill(table, 1, 60)
    const { sync, rows } = await device(user, [table], { pageSize: 10 })
    await sync.sync()
    const counts: number[] = []
    rows.subscribe((all) => counts.push(all.length))
    const held = await rows.list({}, { order: 'n' })
    await rows.update(held[0]!.id, { phone: 'mine' })
    await rows.insert({ name: 'new here' })
    // What a restore looks like: rows are other ones than before, and the log tells nothing of it.
    const admin = connect('supabase_admin')
    await admin.begin(async (tx) => {
      await tx`set local session_replication_role = replica`
      await tx.unsafe(`delete from public.${table} where n > 50`)
      await tx.unsafe(`update public.${table} set version = 1, name = 'restored' where n = 7`)
    })
    await admin.end()

    expect(await recover(sync, 'full-resync')).toMatchObject({ pushed: 2 })
    expect(Math.min(...counts.slice(1))).toBeGreaterThanOrEqual(51)
    expect(counts.at(-1)).toBe(51)
    const after = await rows.list({}, { order: 'n' })
    expect(after).toEqual(
      (await rowsInDatabase(sql, table)).toSorted(
        (a, b) => Number(a.n ?? Infinity) - Number(b.n ?? Infinity),
      ),
    )
    expect(after[0]).toMatchObject({ phone: 'mine' })
    expect(after[6]).toMatchObject({ name: 'restored' })
    await sync.close()
  })

  it('that is cut off goes on where it was', async () => {
    const table = await makeTable(sql)
    await fill(table, 1, 60)
    const storage = memoryStorage()
    const first = await device(user, [table], { storage, pageSize: 10 })
    await first.sync.sync()
    const admin = connect('supabase_admin')
    await admin.begin(async (tx) => {
      await tx`set local session_replication_role = replica`
      await tx.unsafe(`delete from public.${table} where n <= 5`)
    })
    await admin.end()
    first.faults.next('none', 'none', 'none', ...Array<'before'>(10).fill('before'))
    await expect(recover(first.sync, 'full-resync')).rejects.toMatchObject({ name: 'NetworkError' })
    expect(await first.rows.list()).toHaveLength(60)
    await first.sync.close()
    const second = await device(user, [table], { storage, pageSize: 10 })
    await second.sync.sync()
    expect(await second.rows.list()).toHaveLength(55)
    await second.sync.close()
  })
})

describe('verify', () => {
  it('finds rows that drifted among a thousand, and fetches them alone', async () => {
    const table = await makeTable(sql)
    await fill(table, 1, 1000)
    const storage = memoryStorage()
    const { sync, rows, faults } = await device(user, [table], { storage })
    await sync.sync()
    expect(await verify(sync)).toEqual({
      inSync: true,
      rows: 1000,
      differing: [],
      healed: 0,
      checksums: [{ scope: `user:${user.id}`, table, count: 1000, checksum: expect.any(Number) }],
    })

    const held = await rows.list({}, { order: 'n' })
    const [missing, stale, ghost, edited] = [held[3]!.id, held[500]!.id, 'ghost', held[9]!.id]
    await rows.update(edited, { phone: 'mine' })
    await storage.transaction('readwrite', async (tx) => {
      const [at, alsoAt] = await tx.getMany('rows', [
        [table, stale],
        [table, edited],
      ])
      await tx.deleteMany('rows', [[table, missing]])
      await tx.putMany('rows', [
        { ...at!, version: 77, row: { ...at!.row, name: 'damaged' } },
        { ...at!, id: ghost, row: { ...at!.row, id: ghost } },
        { ...alsoAt!, version: 5, base: { ...alsoAt!.base, name: 'damaged' } },
      ])
    })
    const looked = await verify(sync, { heal: false })
    expect(looked).toMatchObject({ inSync: false, healed: 0 })
    faults.paths.length = 0
    const { differing, healed } = await verify(sync)
    expect(differing).toHaveLength(1)
    expect(differing[0]!.ids.toSorted()).toEqual([missing, stale, ghost, edited].toSorted())
    expect(healed).toBe(4)
    expect(faults.paths.filter((path) => path.includes('pull'))).toEqual([])
    expect(await rows.get(edited)).toMatchObject({ phone: 'mine', name: 'row 10' })
    await sync.sync()
    expect(await verify(sync)).toMatchObject({ inSync: true, rows: 1000 })
    expect((await rows.list()).toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual(
      await rowsInDatabase(sql, table),
    )
    await expect(verify(sync, { tables: ['no such'] })).rejects.toMatchObject({
      code: 'unknown_table',
    })
    await sync.close()
  })
})

describe('repair', () => {
  /** A device with edits of three kinds that wait, and its storage. */
  async function damaged(harm: (storage: SyncStorage, table: string) => Promise<unknown>) {
    const table = await makeTable(sql)
    await fill(table, 1, 3)
    const storage = memoryStorage()
    const opened = await device(user, [table], { storage })
    await opened.sync.sync()
    const [first, second] = await opened.rows.list({}, { order: 'n' })
    await opened.rows.update(first!.id, { name: 'changed' })
    await opened.rows.remove(second!.id)
    await opened.rows.insert({ name: 'added', n: 4 })
    await harm(storage, table)
    return { ...opened, table, storage }
  }

  const expected = [
    [1, 'changed'],
    [3, 'row 3'],
    [4, 'added'],
  ]
  const seen = async (table: string): Promise<unknown[]> =>
    (await rowsInDatabase(sql, table))
      .map(({ n, name }) => [n, name])
      .toSorted(([a], [b]) => Number(a) - Number(b))

  it('does nothing to a store that is in order', async () => {
    const { sync, table } = await damaged(async () => {})
    const before = await sync.queue.list()
    expect(await repair(sync)).toEqual({ setAside: 0, rebuilt: 0, rows: 0 })
    expect(await sync.queue.list()).toEqual(before)
    await sync.sync()
    expect(await seen(table)).toEqual(expected)
    await sync.close()
  })

  it('makes edits again that were lost from the queue, from what the rows show', async () => {
    const { sync, table } = await damaged((storage) =>
      storage.transaction('readwrite', async (tx) => {
        const queue = await tx.scan('queue')
        await tx.deleteMany(
          'queue',
          queue.map(({ seq }) => seq),
        )
      }),
    )
    expect(await repair(sync)).toMatchObject({ rebuilt: 3, setAside: 0 })
    expect((await sync.queue.list()).map(({ op }) => op).toSorted()).toEqual([
      'delete',
      'patch',
      'put',
    ])
    expect(await sync.sync()).toMatchObject({ pushed: 3, rejected: 0 })
    expect(await seen(table)).toEqual(expected)
    await sync.close()
  })

  it('sets aside edits that cannot be read, and the rest goes on', async () => {
    const { sync, table } = await damaged((storage) =>
      storage.transaction('readwrite', async (tx) => {
        const [patch] = await tx.scan('queue')
        await tx.putMany('queue', [
          { ...omit(patch!, 'checksum'), op: 'scribble' as never, data: 'x' as never },
        ])
      }),
    )
    expect(await repair(sync)).toMatchObject({ setAside: 1, rebuilt: 1 })
    expect(await sync.queue.list({ status: 'failed' })).toMatchObject([
      { op: 'scribble', error: { code: 'malformed' } },
    ])
    expect(await sync.sync()).toMatchObject({ pushed: 3, rejected: 0 })
    expect(await seen(table)).toEqual(expected)
    await sync.close()
  })

  it('and recover brings back rows that cannot be read', async () => {
    const { sync, rows, table } = await damaged((storage, name) =>
      storage.transaction('readwrite', async (tx) => {
        const records = await tx.scan('rows', { index: 'table', equals: [name] })
        const third = records.find(({ row }) => row?.n === 3)!
        await tx.putMany('rows', [{ ...third, row: 'scribble' as never }])
      }),
    )
    await recover(sync, 'corruption')
    expect(await seen(table)).toEqual(expected)
    expect((await rows.list({}, { order: 'n' })).map(({ n, name }) => [n, name])).toEqual(expected)
    await sync.close()
  })

  it('recover without a name does as much as it takes, and forceSyncAll retries what was refused', async () => {
    const own = await makeTable(sql, 'name text, n int constraint small check (n < 100)')
    const { sync, rows } = await device(user, [own])
    await rows.insert({ n: 1000 })
    expect(await recover(sync)).toMatchObject({ rejected: 1 })
    await sql.unsafe(`alter table public.${own} drop constraint small`)
    expect(await sync.forceSyncAll()).toMatchObject({ pushed: 1, rejected: 0 })
    expect(await rowsInDatabase(sql, own)).toMatchObject([{ n: 1000 }])
    await sync.close()
  })
})

describe('optimize', () => {
  it('makes one edit of those of a row that were not sent', async () => {
    const table = await makeTable(sql, 'name text, phone text, n int check (n < 100)')
    const { sync, rows } = await device(user, [table])
    const { id } = await rows.insert({ name: 'x' })
    await sync.sync()
    for (const n of [1000, 2000]) {
      await rows.update(id, { n })
      await sync.sync()
    }
    for (const { seq } of await sync.queue.list({ status: 'failed' }))
      await sync.queue.editFailed(seq, { n: seq })
    await rows.update(id, { phone: '1' })
    await sync.queue.retryFailed()
    expect(await sync.queue.stats()).toMatchObject({ pending: 3 })
    expect(await optimize(sync)).toBe(1)
    expect(await sync.queue.list()).toMatchObject([{ data: { phone: '1' } }, { data: { n: 3 } }])
    expect(await sync.sync()).toMatchObject({ pushed: 2, rejected: 0 })
    expect(await rowsInDatabase(sql, table)).toMatchObject([{ name: 'x', phone: '1', n: 3 }])
    expect(await optimize(sync)).toBe(0)
    await sync.close()
  })
})
