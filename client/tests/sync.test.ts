import { afterAll, afterEach, beforeAll, describe, expect, it } from 'vitest'
import type { Sql } from 'postgres'
import { connect, createUser, type TestUser } from '../../dev/testing.ts'
import { createSync, type Progress, type SyncEvents, type SyncOptions } from '../src/index.ts'
import { type Device, device, makeTable, rowsInDatabase } from './support/project.ts'

let sql: Sql
let user: TestUser
let table: string
const devices: Device[] = []

beforeAll(async () => {
  sql = connect()
  user = await createUser()
  table = await makeTable(sql)
})
afterEach(async () => {
  for (const { sync } of devices.splice(0)) await sync.close()
})
afterAll(() => sql.end())

async function open(
  options: Partial<SyncOptions> = {},
  by = user,
  tables = [table],
): Promise<Device> {
  const opened = await device(by, tables, options)
  devices.push(opened)
  return opened
}

describe.each(['functions', 'rpc'] as const)('over %s', (transport) => {
  it('a row made, changed and removed here is so in the database and on another device', async () => {
    const own = await makeTable(sql)
    const a = await open({ transport }, user, [own])
    const b = await open({ transport }, user, [own])
    const { id } = await a.rows.insert({ name: 'Ada', n: 1 })
    expect(await a.sync.sync()).toMatchObject({ pushed: 1, pulled: 0, rejected: 0 })
    expect(await b.sync.sync()).toMatchObject({ pushed: 0, pulled: 1 })
    expect(await b.rows.get(id)).toMatchObject({ name: 'Ada', n: 1, version: 1 })

    await b.rows.update(id, { n: 2 })
    expect(await b.sync.sync()).toMatchObject({ pushed: 1, pulled: 0 })
    expect(await a.sync.sync()).toMatchObject({ pushed: 0, pulled: 1 })
    expect(await a.rows.get(id)).toMatchObject({ name: 'Ada', n: 2, version: 2 })

    await a.rows.remove(id)
    expect(await a.sync.sync()).toMatchObject({ pushed: 1, pulled: 0 })
    expect(await b.sync.sync()).toMatchObject({ pulled: 1 })
    expect(await b.rows.get(id)).toBeNull()
    expect(await rowsInDatabase(sql, own)).toEqual([])
  })

  it('columns that the database fills in arrive on the device that made the row', async () => {
    const { sync, rows } = await open({ transport })
    const { id } = await rows.insert({ name: 'Grace' })
    await sync.sync()
    expect(await rows.get(id)).toMatchObject({
      name: 'Grace',
      user_id: user.id,
      phone: null,
      version: 1,
      deleted_at: null,
    })
  })
})

describe('two devices', () => {
  it('edits of one row in different columns made offline are merged on both', async () => {
    const a = await open()
    const b = await open()
    const { id } = await a.rows.insert({ name: 'Ada', phone: '1' })
    await a.sync.sync()
    await b.sync.sync()
    await a.rows.update(id, { name: 'Ada L.' })
    await b.rows.update(id, { phone: '2' })
    await a.sync.sync()
    expect(await b.sync.sync()).toMatchObject({ merged: 1, conflicts: 0 })
    await a.sync.sync()
    const expected = { name: 'Ada L.', phone: '2' }
    expect(await a.rows.get(id)).toMatchObject(expected)
    expect(await b.rows.get(id)).toEqual(await a.rows.get(id))
    expect((await rowsInDatabase(sql, table)).find((row) => row.id === id)).toMatchObject(expected)
  })

  it('of two edits of one column the later one wins, and the device that lost is told', async () => {
    const a = await open()
    const b = await open()
    const { id } = await a.rows.insert({ name: 'Ada' })
    await a.sync.sync()
    await b.sync.sync()
    await b.rows.update(id, { name: 'earlier' })
    await new Promise((resolve) => setTimeout(resolve, 300))
    await a.rows.update(id, { name: 'later' })
    await a.sync.sync()
    const lost: SyncEvents['lost'][] = []
    b.sync.on('lost', (event) => lost.push(event))
    await b.sync.sync()
    expect(lost).toEqual([{ table, id, columns: ['name'] }])
    expect(await b.rows.get(id)).toMatchObject({ name: 'later' })
    await a.sync.sync()
    expect(await a.rows.get(id)).toEqual(await b.rows.get(id))
  })

  it('an edit made on what the other one did stands, though an earlier one of the row still waits', async () => {
    const careful = await makeTable(sql)
    await sql`select tidemark.add_table(${`public.${careful}`}, 'user:user_id', 'server_wins')`
    const [a, b] = [await device(user, [careful]), await device(user, [careful])]
    const { id } = await a.rows.insert({ name: 'Ada', phone: '1' })
    await a.sync.sync()
    await b.sync.sync()
    await b.rows.update(id, { phone: '2' })
    await b.sync.sync()
    await a.rows.update(id, { name: 'Ada L.' })
    await a.sync.pull()
    expect(await a.rows.get(id)).toMatchObject({ name: 'Ada L.', phone: '2' })
    await a.rows.update(id, { phone: '3' })
    expect(await a.sync.sync()).toMatchObject({ pushed: 2, conflicts: 0 })
    const expected = { name: 'Ada L.', phone: '3' }
    expect(await a.rows.get(id)).toMatchObject(expected)
    expect(await rowsInDatabase(sql, careful)).toMatchObject([expected])
    for (const { sync } of [a, b]) await sync.close()
  })

  it('queued edits stay on top of rows that are pulled, and other columns show through', async () => {
    const a = await open()
    const b = await open()
    const { id } = await a.rows.insert({ name: 'Ada', phone: '1' })
    await a.sync.sync()
    await b.sync.sync()
    await a.rows.update(id, { name: 'theirs', phone: '2' })
    await a.sync.sync()
    await b.rows.update(id, { name: 'mine' })
    await b.sync.pull()
    expect(await b.rows.get(id)).toMatchObject({ name: 'mine', phone: '2', version: 2 })
    await b.sync.sync()
    expect((await rowsInDatabase(sql, table)).find((row) => row.id === id)).toMatchObject({
      name: 'mine',
      phone: '2',
    })
  })
})

describe('a bad edit', () => {
  it('is set aside with its reason; the rest goes through, and the row is what it was', async () => {
    const own = await makeTable(sql, 'name text, n int check (n < 100)')
    const { sync, rows } = await open({}, user, [own])
    const good = await rows.insert({ name: 'good', n: 1 })
    await sync.sync()
    const rejected: SyncEvents['rejected'][] = []
    sync.on('rejected', (event) => rejected.push(event))

    await rows.update(good.id, { n: 1000 })
    const bad = await rows.insert({ name: 'bad', n: 1000 })
    const other = await rows.insert({ name: 'other', n: 2 })
    expect(await sync.sync()).toMatchObject({ pushed: 1, rejected: 2 })

    expect(await rows.get(good.id)).toMatchObject({ n: 1 })
    expect(await rows.get(bad.id)).toBeNull()
    expect((await rowsInDatabase(sql, own)).map(({ id }) => id)).toEqual(
      [good.id, other.id].toSorted(),
    )
    expect(rejected.map(({ error }) => error.code)).toEqual(['constraint', 'constraint'])
    expect(await sync.queue.list({ status: 'failed' })).toMatchObject([
      { op: 'patch', data: { n: 1000 }, old: { n: 1 } },
      { op: 'put', data: { name: 'bad', n: 1000 } },
    ])
  })

  it('can be sent again once its cause is gone', async () => {
    const own = await makeTable(sql, 'name text, n int constraint small check (n < 100)')
    const { sync, rows } = await open({}, user, [own])
    const { id } = await rows.insert({ name: 'too soon', n: 1000 })
    expect(await sync.sync()).toMatchObject({ rejected: 1 })
    await sql.unsafe(`alter table public.${own} drop constraint small`)
    expect(await sync.queue.retryFailed()).toBe(1)
    expect(await rows.get(id)).toMatchObject({ n: 1000 })
    expect(await sync.sync()).toMatchObject({ pushed: 1, rejected: 0 })
    expect(await rowsInDatabase(sql, own)).toMatchObject([{ id, n: 1000 }])
  })

  it('one that the server does not even take in does not hold up its batch', async () => {
    const { sync, rows } = await open({ batch: { bytes: 1e8 } })
    await rows.insertMany([{ name: 'p' }, { name: 'q' }, { name: 'r' }])
    await rows.insert({ name: 'x'.repeat(9_000_000) })
    await rows.insert({ name: 's' })
    expect(await sync.sync()).toMatchObject({ pushed: 4, rejected: 1 })
    expect(await sync.queue.list()).toMatchObject([
      { seq: 4, status: 'failed', error: { code: 'too_large' } },
    ])
  })
})

describe('users', () => {
  it('a user\u2019s device gets none of another user\u2019s rows, and cannot change them', async () => {
    const eve = await createUser()
    const a = await open()
    const e = await open({}, eve)
    const { id } = await a.rows.insert({ name: 'private' })
    await a.sync.sync()
    await e.sync.sync()
    expect(await e.rows.list()).toEqual([])

    await e.rows.insert({ id, name: 'taken over' })
    expect(await e.sync.sync()).toMatchObject({ pushed: 0, rejected: 1 })
    await e.rows.insert({ name: 'planted', user_id: user.id })
    expect(await e.sync.sync()).toMatchObject({ pushed: 0, rejected: 1 })
    await a.sync.sync()
    expect(await a.rows.get(id)).toMatchObject({ name: 'private' })
    expect(await a.rows.list({ name: 'planted' })).toEqual([])
  })

  it('a store refuses to sync for another account than its own, and keeps its edits', async () => {
    const a = await open()
    await a.rows.insert({ name: 'before' })
    await a.sync.sync()
    const { id } = await a.rows.insert({ name: 'unsent' })
    const eve = await createUser()
    await a.client.auth.signInWithPassword(eve)
    await expect(a.sync.sync()).rejects.toMatchObject({ name: 'AuthError', code: 'other_user' })
    await a.client.auth.signInWithPassword(user)
    expect(await a.sync.sync()).toMatchObject({ pushed: 1 })
    expect((await rowsInDatabase(sql, table)).find((row) => row.id === id)).toMatchObject({
      user_id: user.id,
    })
  })

  it('signed out, nothing is sent and nothing is lost', async () => {
    const a = await open()
    await a.rows.insert({ name: 'unsent' })
    await a.client.auth.signInWithPassword(user)
    await a.client.auth.signOut({ scope: 'local' })
    await expect(a.sync.sync()).rejects.toMatchObject({
      name: 'AuthError',
      code: 'not_signed_in',
      retryable: false,
    })
    await a.client.auth.signInWithPassword(user)
    expect(await a.sync.sync()).toMatchObject({ pushed: 1 })
  })
})

describe('runs', () => {
  it('two syncs at once send everything once', async () => {
    const own = await makeTable(sql)
    const { sync, rows } = await open({}, user, [own])
    await rows.insertMany(Array.from({ length: 50 }, (_, n) => ({ n })))
    const [first, second] = await Promise.all([sync.sync(), sync.sync()])
    expect(first).toBe(second)
    const running = sync.sync()
    await rows.insert({ n: 50 })
    const reports = await Promise.all([running, sync.sync(), sync.push()])
    expect(reports.reduce((sum, { pushed }) => sum + pushed, first.pushed)).toBe(51)
    expect(await rowsInDatabase(sql, own)).toHaveLength(51)
  })

  it('tell how far they are, up to 100 per cent', async () => {
    const own = await makeTable(sql)
    await sql.unsafe(
      `insert into public.${own} (user_id, n) select $1, g from generate_series(1, 250) g`,
      [user.id],
    )
    const { sync, rows } = await open({ pageSize: 100, batch: { mutations: 40 } }, user, [own])
    await rows.insertMany(Array.from({ length: 100 }, (_, n) => ({ n })))
    const seen: Progress[] = []
    const events: string[] = []
    sync.on('sync_progress', (progress) => seen.push(progress))
    sync.on('sync_started', () => events.push('started'))
    sync.on('sync_completed', () => events.push('completed'))
    const report = await sync.sync()
    expect(report).toMatchObject({ pushed: 100, pulled: 250 })
    expect(events).toEqual(['started', 'completed'])
    const pushes = seen.filter(({ phase }) => phase === 'push')
    expect(pushes.map(({ done, total }) => [done, total])).toEqual([
      [40, 100],
      [80, 100],
      [100, 100],
    ])
    const pulls = seen.filter(({ phase }) => phase === 'pull')
    expect(pulls[0]).toMatchObject({
      table: own,
      done: 100,
      total: 350,
      percentage: 29,
      message: 'Downloaded 100 of 350 rows',
    })
    expect(pulls.at(-1)!.percentage).toBe(100)
  })

  it('status shows what waits, what failed and how the last sync went', async () => {
    const { sync, rows, faults } = await open()
    await sync.ready()
    expect(sync.status()).toMatchObject({ state: 'idle', pending: 0, lastSync: null })
    await rows.insert({ name: 'x' })
    const begun = new Promise((resolve) => sync.on('sync_started', () => resolve(sync.status())))
    const running = sync.sync()
    expect(await begun).toMatchObject({ state: 'syncing', pending: 1 })
    await running
    expect(sync.status()).toMatchObject({ state: 'idle', pending: 0, lastError: null })
    expect(sync.status().lastSync?.report).toMatchObject({ pushed: 1 })
    faults.always('before')
    await expect(sync.sync()).rejects.toMatchObject({ name: 'NetworkError', retryable: true })
    expect(sync.status().lastError).toMatchObject({ code: 'network' })
  })

  it('fail with the server\u2019s reason, once, when trying again would not help', async () => {
    const { sync, faults } = await open({}, user, ['no_such_table'])
    await expect(sync.sync()).rejects.toMatchObject({
      name: 'ValidationError',
      code: 'malformed',
      status: 400,
    })
    expect(faults.paths).toHaveLength(1)
  })

  it('go on without tables that do not sync, and say which', async () => {
    const table = await makeTable(sql)
    const { sync, rows } = await open({}, user, [table, 'gone_before', 'renamed_before'])
    const errors: string[] = []
    sync.on('sync_error', ({ details }) => errors.push(details!))
    await rows.insert({ name: 'x' })
    expect(await sync.sync()).toMatchObject({ pushed: 1 })
    expect(await rows.list()).toMatchObject([{ name: 'x', version: 1 }])
    expect(errors).toEqual([
      'options.tables[1]: "gone_before" is not synced',
      'options.tables[1]: "renamed_before" is not synced',
    ])
  })

  it('go over the RPCs where the functions are not deployed, which is found out once', async () => {
    const { sync, rows, faults } = await open()
    faults.always('absent')
    await rows.insert({ name: 'x' })
    expect(await sync.sync()).toMatchObject({ pushed: 1 })
    await rows.insert({ name: 'y' })
    expect(await sync.sync()).toMatchObject({ pushed: 1 })
    expect(faults.paths).toEqual([
      '/functions/v1/sync',
      '/rest/v1/rpc/sync_push',
      '/rest/v1/rpc/sync_pull',
      '/rest/v1/rpc/sync_push',
      '/rest/v1/rpc/sync_pull',
    ])
  })

  it('go over the RPCs where a browser hides that the functions are not deployed', async () => {
    const { sync, rows, faults } = await open()
    faults.alwaysAt('/functions/', 'before')
    for (const name of ['x', 'y', 'z']) {
      await rows.insert({ name })
      expect(await sync.sync()).toMatchObject({ pushed: 1 })
    }
    expect(faults.paths.filter((path) => path.startsWith('/functions/'))).toHaveLength(2)
  })

  it('send and fetch in one round trip', async () => {
    const { sync, rows, faults } = await open()
    await rows.insert({ name: 'x' })
    await sync.sync()
    expect(faults.paths).toEqual(['/functions/v1/sync'])
  })

  it('give up a request that hangs, and try it again', async () => {
    // Long enough for the request that follows, on a busy machine too.
    const { sync, rows, faults } = await open({ timeout: 5_000 })
    await rows.insert({ name: 'x' })
    faults.next('hang')
    expect(await sync.sync()).toMatchObject({ pushed: 1 })
    const impatient = await open({ timeout: 50 })
    impatient.faults.always('hang')
    await expect(impatient.sync.sync()).rejects.toMatchObject({
      name: 'NetworkError',
      code: 'timeout',
    })
  })

  it('are not even tried offline', async () => {
    const network = { online: () => false, watch: () => () => {} }
    const { sync, faults } = await open({ network })
    await expect(sync.sync()).rejects.toMatchObject({ name: 'NetworkError', code: 'offline' })
    expect(faults.paths).toEqual([])
  })

  it('end at once when the sync is closed', async () => {
    const { sync, faults } = await open()
    faults.always('hang')
    const running = sync.sync().catch((error: unknown) => error)
    await new Promise((resolve) => setTimeout(resolve, 20))
    await sync.close()
    expect(await running).toMatchObject({ code: 'aborted' })
    await expect(sync.sync()).rejects.toMatchObject({ name: 'StorageError', code: 'closed' })
  })
})

describe('the app', () => {
  it('reads and writes without the network, and sees its rows at once', async () => {
    const { sync, rows, faults } = await open()
    faults.always('before')
    const { id } = await rows.insert({ name: 'offline' })
    await rows.update(id, { n: 1 })
    expect(await rows.list({ name: 'offline' })).toMatchObject([{ id, n: 1 }])
    expect(faults.paths).toEqual([])
    expect(sync.status().pending).toBe(1)
  })

  it('is not told of tables it did not name', async () => {
    const sync = createSync({ supabase: (await open()).client, tables: [table] })
    expect(() => sync.table('other')).toThrow(
      expect.objectContaining({ name: 'ValidationError', code: 'unknown_table' }),
    )
    await sync.close()
  })
})
