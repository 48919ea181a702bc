import 'fake-indexeddb/auto'
import { randomUUID } from 'node:crypto'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, createUser, type TestUser } from '../../dev/testing.ts'
import {
  createSync,
  indexedDbStorage,
  memoryStorage,
  type SyncOptions,
  type SyncStorage,
} from '../src/index.ts'
import { STORE_NAMES } from '../src/storage/contract.ts'
import { crashing, Killed } from './support/crash.ts'
import type { Fault } from './support/faults.ts'
import { type Device, device, makeTable, rowsInDatabase } from './support/project.ts'

let sql: Sql
let user: TestUser

beforeAll(async () => {
  sql = connect()
  user = await createUser()
})
afterAll(() => sql.end())

/** A copy of everything in a storage, as a backup or a cloned phone holds it. */
async function cloned(storage: SyncStorage): Promise<SyncStorage> {
  const copy = memoryStorage()
  await copy.open()
  const stored = await storage.transaction('readonly', async (tx) => {
    const all = []
    for (const name of STORE_NAMES) all.push([name, await tx.scan(name)] as const)
    return all
  })
  await copy.transaction('readwrite', async (tx) => {
    for (const [name, records] of stored) await tx.putMany(name, records)
  })
  return copy
}

/** How often each row was changed: a doubled edit shows in the version. */
async function versions(table: string): Promise<number[]> {
  const rows = await sql.unsafe(`select version from public.${table} order by id`)
  return rows.map(({ version }) => Number(version))
}

describe('requests that go wrong', () => {
  it.each(['functions', 'rpc'] as const)(
    'after a lost answer the same edits are sent again and done once (%s)',
    async (transport) => {
      const table = await makeTable(sql)
      const { sync, rows, faults } = await device(user, [table], { transport })
      const { id } = await rows.insert({ n: 1 })
      await rows.insert({ n: 2 })
      faults.next('after')
      expect(await sync.sync()).toMatchObject({ pushed: 2, rejected: 0 })
      await rows.update(id, { n: 3 })
      faults.next('after', 'before', 'after')
      expect(await sync.sync()).toMatchObject({ pushed: 1, rejected: 0 })
      expect((await versions(table)).toSorted()).toEqual([1, 2])
      expect(await rows.list({}, { order: 'n' })).toEqual(
        (await rowsInDatabase(sql, table)).toSorted((a, b) => Number(a.n) - Number(b.n)),
      )
      const pushes = faults.bodies.filter(({ mutations }) => mutations)
      expect(new Set(pushes.map(({ device_id }) => device_id)).size).toBe(1)
      expect(pushes[1]!.mutations).toEqual(pushes[0]!.mutations)
    },
  )

  it.each(['before its first pull', 'when it has pulled the removal', 'behind the removal'])(
    'a row that is deleted by SQL while the answer is lost goes, on a device %s',
    async (when) => {
      const table = await makeTable(sql)
      const { sync, rows, faults } = await device(user, [table], { backoff: { retries: 0 } })
      if (when !== 'before its first pull') await sync.pull()
      await rows.insert({ name: 'soon gone' })
      faults.next('after')
      await expect(sync.push()).rejects.toMatchObject({ name: 'NetworkError' })
      await sql.unsafe(`delete from public.${table}`)
      if (when === 'when it has pulled the removal') await sync.pull()
      await sync.sync()
      expect(await rows.list()).toEqual([])
      expect(await sync.queue.list()).toEqual([])
    },
  )

  it('an edit made after a lost answer does not change what is sent again', async () => {
    const table = await makeTable(sql)
    const { sync, rows, faults } = await device(user, [table], { backoff: { retries: 0 } })
    const { id } = await rows.insert({ name: 'first' })
    faults.next('after')
    await expect(sync.sync()).rejects.toMatchObject({ name: 'NetworkError' })
    await rows.update(id, { name: 'second' })
    expect(await sync.sync()).toMatchObject({ pushed: 2 })
    const pushes = faults.bodies.filter(({ mutations }) => mutations)
    expect(pushes.map(({ mutations }) => mutations)).toMatchObject([
      [{ seq: 1, data: { name: 'first' } }],
      [{ seq: 1, data: { name: 'first' } }],
      [{ seq: 2, data: { name: 'second' } }],
    ])
    expect(await rowsInDatabase(sql, table)).toMatchObject([{ name: 'second', version: 2 }])
  })

  it.each(['twice', 'at once'] as const)(
    'a request that arrives %s loses nothing',
    async (fault) => {
      const table = await makeTable(sql)
      const { sync, rows, faults } = await device(user, [table])
      const { id } = await rows.insert({ name: 'x' })
      await sync.sync()
      await rows.update(id, { name: 'y' })
      await rows.insert({ name: 'z' })
      faults.next(fault)
      await sync.sync()
      await sync.sync()
      expect(await sync.queue.stats()).toMatchObject({ pending: 0, sent: 0, failed: 0 })
      const stored = await rowsInDatabase(sql, table)
      expect(stored.map(({ name }) => name).toSorted()).toEqual(['y', 'z'])
      expect(await rows.list()).toEqual(stored)
    },
  )

  it.each(['twice', 'at once'] as const)(
    'a request that arrives %s counts once, also where it was the first of its kind',
    async (fault) => {
      const table = await makeTable(sql)
      await sql`select tidemark.add_table(${`public.${table}`}, 'user:user_id', 'merge', '{"n":"sum"}')`
      const { sync, rows, faults } = await device(user, [table], { transport: 'rpc' })
      const { id } = await rows.insert({ n: 1 })
      await sync.sync()
      await rows.update(id, { n: 3 })
      const { device_id } = await sync.devices.current()
      faults.next(fault)
      await sync.sync()
      expect(await rowsInDatabase(sql, table)).toMatchObject([{ n: 3, version: 2 }])
      expect(await rows.list()).toMatchObject([{ n: 3, version: 2 }])
      expect((await sync.devices.current()).device_id).toBe(device_id)
    },
  )

  /** A device with rows whose column `n` is summed up, and an edit of each that waits. */
  async function summing(transport: 'functions' | 'rpc', storage = memoryStorage()) {
    const table = await makeTable(sql)
    await sql`select tidemark.add_table(${`public.${table}`}, 'user:user_id', 'merge', '{"n":"sum"}')`
    const one = await device(user, [table], { transport, storage })
    const made = await one.rows.insertMany([{ n: 1 }, { n: 1 }, { n: 1 }])
    await one.sync.sync()
    for (const { id } of made) await one.rows.update(id, { n: 3 })
    const { device_id } = await one.sync.devices.current()
    const before = one.faults.bodies.length
    return {
      ...one,
      pushes: () => one.faults.bodies.slice(before).filter(({ mutations }) => mutations),
      again: (options: Partial<SyncOptions>) =>
        device(user, [table], { transport, storage, ...options }),
      async expectOnce({ rows, sync }: Device = one) {
        const stored = await rowsInDatabase(sql, table)
        expect(stored.map(({ n, version }) => [n, version])).toEqual(made.map(() => [3, 2]))
        expect(await rows.list({}, { order: 'id' })).toEqual(stored)
        expect(await sync.queue.list()).toEqual([])
        expect((await sync.devices.current()).device_id).toBe(device_id)
      },
    }
  }

  it('a page that fails does not take away the answer to the push before it', async () => {
    const { sync, faults, pushes, expectOnce } = await summing('functions')
    faults.next('absent', 'none', 'too slow')
    expect(await sync.sync()).toMatchObject({ pushed: 3, rejected: 0 })
    expect(pushes().slice(1)).toHaveLength(1)
    await expectOnce()
  })

  it('a batch that was done and is then sent in halves is known again', async () => {
    const { sync, faults, pushes, expectOnce } = await summing('rpc')
    faults.next('after', 'too slow')
    expect(await sync.sync()).toMatchObject({ pushed: 3, rejected: 0 })
    expect(pushes().map(({ mutations }) => (mutations as []).length)).toEqual([3, 3, 2, 1])
    await expectOnce()
  })

  it('a batch that was done is known again by an app that sends smaller ones', async () => {
    const storage = memoryStorage()
    const { sync, faults, expectOnce, again } = await summing('functions', storage)
    faults.always('after')
    await expect(sync.sync()).rejects.toMatchObject({ name: 'NetworkError' })
    await sync.close()
    const one = await again({ batch: { mutations: 1 } })
    expect(await one.sync.sync()).toMatchObject({ pushed: 3, rejected: 0 })
    await expectOnce(one)
    await one.sync.close()
  })

  it('a page that the database has no memory for is asked for in parts', async () => {
    const table = await makeTable(sql)
    const one = await device(user, [table])
    await one.rows.insertMany(Array.from({ length: 20 }, (_, n) => ({ n })))
    await one.sync.sync()
    const options = { transport: 'rpc', pageSize: 16, backoff: { retries: 0 } } as const
    const { sync, rows, faults } = await device(user, [table], options)
    faults.next('out of memory', 'out of memory')
    expect(await sync.pull()).toMatchObject({ pulled: 20 })
    expect(await rows.list()).toHaveLength(20)
    const limits = faults.bodies.map((body) => (body.options as { limit: number }).limit)
    expect(limits.slice(0, 3)).toEqual([16, 2, 1])
  })

  it('what the function has no memory for goes to the database straight', async () => {
    const { sync, faults, pushes, expectOnce } = await summing('functions')
    faults.next('function out of memory')
    expect(await sync.sync()).toMatchObject({ pushed: 3, rejected: 0 })
    expect(pushes()).toHaveLength(2)
    expect(faults.paths.slice(-2)).toEqual(['/rest/v1/rpc/sync_push', '/rest/v1/rpc/sync_pull'])
    await expectOnce()
  })

  it('a decision whose answer got lost is asked for again, made once and answered', async () => {
    const table = await makeTable(sql)
    await sql`select tidemark.add_table(${`public.${table}`}, 'user:user_id', 'manual')`
    const one = await device(user, [table])
    const two = await device(user, [table])
    const { id } = await one.rows.insert({ name: 'base' })
    await one.sync.sync()
    await two.sync.sync()
    await one.rows.update(id, { name: 'one' })
    await two.rows.update(id, { name: 'two' })
    await one.sync.sync()
    await two.sync.sync()
    const [open] = await two.sync.conflicts.list()
    two.faults.next('after')
    const row = { name: 'both' }
    const resolved = await two.sync.conflicts.resolve(open!.conflict_id, { row })
    expect(resolved.row).toMatchObject({ name: 'both', version: 3 })
    expect(await rowsInDatabase(sql, table)).toMatchObject([{ name: 'both', version: 3 }])
    expect(await two.rows.get(id)).toMatchObject({ name: 'both' })

    await one.sync.sync()
    await one.rows.update(id, { name: 'one' })
    await two.rows.update(id, { name: 'two' })
    await one.sync.sync()
    await two.sync.sync()
    const [next] = await two.sync.conflicts.list()
    two.faults.next('after', 'before', 'before', 'before')
    const decide = () => two.sync.conflicts.resolve(next!.conflict_id, 'client')
    await expect(decide()).rejects.toMatchObject({ name: 'NetworkError' })
    expect((await decide()).row).toMatchObject({ name: 'two', version: 5 })
    expect(await rowsInDatabase(sql, table)).toMatchObject([{ name: 'two', version: 5 }])
  })

  it('without any network the queue stays as it is, and is sent when it is back', async () => {
    const table = await makeTable(sql)
    const { sync, rows, faults } = await device(user, [table])
    await rows.insertMany([{ n: 1 }, { n: 2 }])
    faults.always('before')
    await expect(sync.sync()).rejects.toMatchObject({ name: 'NetworkError' })
    await rows.insert({ n: 3 })
    faults.always('none')
    expect(await sync.sync()).toMatchObject({ pushed: 3 })
    expect(await rowsInDatabase(sql, table)).toHaveLength(3)
  })
})

describe.each(['memory', 'IndexedDB'])('a restart (%s)', (kind) => {
  const storage = (): (() => SyncStorage) => {
    const name = randomUUID()
    const memory = memoryStorage()
    return () => (kind === 'memory' ? memory : indexedDbStorage(name))
  }

  it('keeps rows, queue, place and name', async () => {
    const table = await makeTable(sql)
    const again = storage()
    const before = await device(user, [table], { storage: again() })
    await before.rows.insert({ name: 'synced' })
    await before.sync.sync()
    await before.rows.insert({ name: 'unsent' })
    const held = await before.rows.list()
    await before.sync.close()

    const after = await device(user, [table], { storage: again() })
    expect(await after.rows.list()).toEqual(held)
    expect(await after.sync.queue.list()).toMatchObject([{ seq: 2, status: 'pending' }])
    expect(await after.sync.sync()).toMatchObject({ pushed: 1, pulled: 0 })
    expect(await rowsInDatabase(sql, table)).toHaveLength(2)
    const names = [...before.faults.bodies, ...after.faults.bodies].map((body) => body.device_id)
    expect(new Set(names).size).toBe(1)
    await after.sync.close()
  })
})

describe('a process that dies', () => {
  const open = (storage: SyncStorage, table: string) => {
    const sync = createSync({
      supabase: user.client,
      storage,
      tables: [table],
      transport: 'rpc',
      batch: { mutations: 3 },
    })
    return { sync, rows: sync.table(table) }
  }

  /** What the app does with the rows it marks; run again after a restart it goes on where it was. */
  async function story(storage: SyncStorage, table: string, phone: string): Promise<void> {
    const { sync, rows } = open(storage, table)
    for (const n of [1, 2, 3, 4])
      if ((await rows.list({ n, phone })).length === 0) await rows.insert({ n, phone, name: 'new' })
    await sync.sync()
    for (const { id } of await rows.list({ phone, name: 'new' }))
      await rows.update(id as string, { name: 'changed' })
    for (const { id } of await rows.list({ phone, n: 4 })) await rows.remove(id as string)
    await sync.sync()
  }

  /** Lets a process die at a write and another one take over. Resolves to whether it came to that. */
  async function killedAt(at: number, moment: 'before' | 'after', table: string): Promise<boolean> {
    const phone = `${moment} ${at}`
    const disk = memoryStorage()
    const crash = crashing(disk, at, moment)
    await story(crash.storage, table, phone).catch((error: unknown) => {
      const cause = error instanceof Killed ? error : (error as Error).cause
      if (!(cause instanceof Killed)) throw error
    })
    await story(disk, table, phone)
    const { sync, rows } = open(disk, table)
    await sync.sync()
    const stored = (await rowsInDatabase(sql, table)).filter((row) => row.phone === phone)
    const seen = stored.map(({ n, name, version }) => [n, name, version])
    expect(seen.toSorted(), `killed at write ${at}`).toEqual([
      [1, 'changed', 2],
      [2, 'changed', 2],
      [3, 'changed', 2],
    ])
    expect(await rows.list({ phone }), `killed at write ${at}`).toEqual(stored)
    expect(await sync.queue.list(), `killed at write ${at}`).toEqual([])
    return crash.died()
  }

  it.each(['before', 'after'] as const)(
    'at any write, %s it, leaves nothing undone and nothing done twice',
    async (moment) => {
      const table = await makeTable(sql)
      const together = 6
      let from = 1
      for (; ; from += together) {
        const numbers = Array.from({ length: together }, (_, n) => from + n)
        const died = await Promise.all(numbers.map((at) => killedAt(at, moment, table)))
        if (!died.every(Boolean)) break
        expect(from).toBeLessThan(200)
      }
      expect(from, 'processes died').toBeGreaterThan(1)
    },
    120_000,
  )

  it.each(['before', 'after', 'none'] as Fault[])(
    'while a request is on its way (%s) sends it again',
    async (fault) => {
      const table = await makeTable(sql)
      const disk = memoryStorage()
      const dying = await device(user, [table], { storage: disk, backoff: { retries: 0 } })
      await dying.rows.insert({ n: 1 })
      dying.faults.next(fault)
      await dying.sync.sync().catch(() => {})
      const { sync, rows } = await device(user, [table], { storage: disk })
      await sync.sync()
      expect(await versions(table)).toEqual([1])
      expect(await rows.list()).toEqual(await rowsInDatabase(sql, table))
    },
  )
})

describe('a store that is not the only one of its name', () => {
  it('one rolled back to a backup takes a new name, and its edits are not taken for old ones', async () => {
    const table = await makeTable(sql)
    const disk = memoryStorage()
    const first = await device(user, [table], { storage: disk })
    await first.rows.insert({ name: 'one' })
    await first.sync.sync()
    const backup = await cloned(disk)
    await first.rows.insert({ name: 'two' })
    await first.sync.sync()

    const restored = await device(user, [table], { storage: backup })
    await restored.rows.insert({ name: 'three' })
    expect(await restored.sync.sync()).toMatchObject({ pushed: 1 })
    const names = (await rowsInDatabase(sql, table)).map(({ name }) => name)
    expect(names.toSorted()).toEqual(['one', 'three', 'two'])
    expect(await restored.rows.list()).toEqual(await rowsInDatabase(sql, table))
  })

  it('one rolled back learns of it before it sends, so that a lost request does not hide it', async () => {
    const table = await makeTable(sql)
    const disk = memoryStorage()
    const first = await device(user, [table], { storage: disk })
    const { id } = await first.rows.insert({ name: 'one', n: 1 })
    await first.sync.sync()
    const backup = await cloned(disk)
    await first.rows.update(id, { name: 'two' })
    await first.sync.sync()

    const restored = await device(user, [table], { storage: backup, transport: 'rpc' })
    await restored.rows.update(id, { n: 2 })
    restored.faults.alwaysAt('/rest/v1/rpc/sync_push', 'before')
    await expect(restored.sync.sync()).rejects.toMatchObject({ name: 'NetworkError' })
    restored.faults.reset()
    await restored.sync.sync()
    expect(await rowsInDatabase(sql, table)).toMatchObject([{ name: 'two', n: 2 }])
  })

  it('of two clones that run at the same time neither loses an edit', async () => {
    const table = await makeTable(sql)
    const disk = memoryStorage()
    const a = await device(user, [table], { storage: disk })
    await a.rows.insert({ name: 'one' })
    await a.sync.sync()
    const b = await device(user, [table], { storage: await cloned(disk) })
    await b.rows.insert({ name: 'warm' })
    await b.sync.sync()

    await a.rows.insert({ name: 'of a' })
    await b.rows.insert({ name: 'of b' })
    await a.sync.sync()
    b.faults.next('before', 'before')
    await b.sync.sync()
    await a.rows.insertMany([{ name: 'more of a' }, { name: 'and more' }])
    await b.rows.insert({ name: 'more of b' })
    await b.sync.sync()
    await a.sync.sync()
    await b.sync.sync()
    const stored = await rowsInDatabase(sql, table)
    expect(stored.map(({ name }) => name).toSorted()).toEqual(
      ['one', 'warm', 'of a', 'of b', 'more of a', 'and more', 'more of b'].toSorted(),
    )
    expect(await a.rows.list()).toEqual(stored)
    expect(await b.rows.list()).toEqual(stored)
  })
})

describe('two tabs on one store', () => {
  it('sync at once and send each edit once', async () => {
    const table = await makeTable(sql)
    const name = randomUUID()
    const tabs = [
      await device(user, [table], { storage: indexedDbStorage(name) }),
      await device(user, [table], { storage: indexedDbStorage(name) }),
    ]
    for (let round = 0; round < 5; round++) {
      await Promise.all(
        tabs.map(async ({ rows, sync }, tab) => {
          for (let n = 0; n < 5; n++) await rows.insert({ n: round * 10 + n, name: `tab ${tab}` })
          await sync.sync()
        }),
      )
    }
    await tabs[0]!.sync.sync()
    const stored = await rowsInDatabase(sql, table)
    expect(stored).toHaveLength(50)
    expect(stored.every(({ version }) => version === 1)).toBe(true)
    for (const { rows, sync } of tabs) {
      expect(await rows.list()).toEqual(stored)
      expect(await sync.queue.stats()).toMatchObject({ pending: 0, sent: 0, failed: 0 })
      await sync.close()
    }
  })
})
