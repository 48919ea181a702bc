import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, createUser, type TestUser } from '../../dev/testing.ts'
import { memoryStorage, type StorageLimit, type SyncStorage } from '../src/index.ts'
import { device, makeTable } from './support/project.ts'
import { recover, verify } from '../src/integrations/maintenance/index.ts'

let sql: Sql
let user: TestUser
beforeAll(async () => {
  sql = connect()
  user = await createUser()
})
afterAll(() => sql.end())

/** A table with `count` rows of a user on the server. */
async function tableOf(count: number): Promise<string> {
  const table = await makeTable(sql)
  for (let n = 1; n <= count; n++)
    await sql`insert into ${sql(table)} (user_id, n) values (${user.id}, ${n})`
  return table
}

/** A version of the app, which keeps of its table and stores in all what it is told. */
function version(
  table: string,
  storage: SyncStorage,
  { maxRecords, storageLimit }: { maxRecords?: number; storageLimit?: StorageLimit } = {},
) {
  const only = maxRecords === undefined ? {} : { maxRecords }
  const limit = storageLimit === undefined ? {} : { storageLimit }
  return device(user, [{ name: table, ...only }], { storage, pageSize: 10, ...limit })
}
type Version = Awaited<ReturnType<typeof version>>

const numbers = async ({ rows }: Version) =>
  (await rows.list({}, { order: 'n' })).map(({ n }) => n as number)
const from = (first: number, last: number) =>
  Array.from({ length: last - first + 1 }, (_, n) => first + n)

/** How many rows of how many tables a comparison covers. */
const compared = async ({ sync }: Version) =>
  (await verify(sync)).checksums.map(({ count }) => count)

describe('a table that is held in part', () => {
  it('is whole again for the next user, and compared', async () => {
    const table = await tableOf(30)
    const other = await createUser()
    await sql`insert into ${sql(table)} (user_id, n) values (${other.id}, 100)`
    const one = await version(table, memoryStorage(), { maxRecords: 10 })
    await one.sync.sync()
    expect(await compared(one)).toEqual([])
    await one.sync.signOut()
    await one.client.auth.signInWithPassword(other)
    await one.sync.sync()
    expect(await numbers(one)).toEqual([100])
    expect(await compared(one)).toEqual([1])
    await one.sync.close()
  })

  it('is whole after a download of everything in which nothing had to go', async () => {
    const table = await tableOf(12)
    const one = await version(table, memoryStorage(), { maxRecords: 10 })
    await one.sync.sync()
    await sql`delete from ${sql(table)} where n in (11, 12)`
    await recover(one.sync, 'full-resync')
    expect(await numbers(one)).toEqual(from(1, 10))
    expect(await compared(one)).toEqual([10])
    await one.sync.close()
  })

  it('stays so, without being fetched again, for as long as the app wants no more', async () => {
    const table = await tableOf(30)
    const storage = memoryStorage()
    for (const [maxRecords, pulled] of [
      [10, 30],
      [10, 0],
      [5, 0],
    ] as const) {
      const one = await version(table, storage, { maxRecords })
      expect(await one.sync.sync()).toMatchObject({ pulled })
      expect(await numbers(one)).toEqual(from(31 - maxRecords, 30))
      expect(await compared(one)).toEqual([])
      await one.sync.close()
    }
  })

  it.each([0, 1])(
    'has all rows back with the next sync of an app that limits it no more, which sends %d edits',
    async (edits) => {
      const table = await tableOf(30)
      const storage = memoryStorage()
      const before = await version(table, storage, { maxRecords: 10 })
      await before.sync.sync()
      await before.sync.close()
      const after = await version(table, storage)
      for (let n = 1; n <= edits; n++) await after.rows.insert({ n: 30 + n })
      expect(await after.sync.sync()).toMatchObject({ pushed: edits })
      expect(await numbers(after)).toEqual(from(1, 30 + edits))
      expect(await compared(after)).toEqual([30 + edits])
      expect(await after.sync.sync()).toMatchObject({ pulled: 0 })
      await after.sync.close()
    },
  )

  it('has as many as it may by then where an app allows more', async () => {
    const table = await tableOf(30)
    const storage = memoryStorage()
    for (const maxRecords of [10, 20]) {
      const one = await version(table, storage, { maxRecords })
      await one.sync.sync()
      expect(await numbers(one)).toEqual(from(31 - maxRecords, 30))
      await one.sync.close()
    }
  })

  it('is not passed over by a comparison that comes before that sync', async () => {
    const table = await tableOf(30)
    const storage = memoryStorage()
    const before = await version(table, storage, { maxRecords: 10 })
    await before.sync.sync()
    await before.sync.close()
    const after = await version(table, storage)
    expect(await verify(after.sync)).toMatchObject({ inSync: false, rows: 30, healed: 20 })
    expect(await numbers(after)).toEqual(from(1, 30))
    await after.sync.close()
  })

  it.each<[string, StorageLimit]>([
    ['is larger', { bytes: 1_000_000, policy: 'prune' }],
    ['prunes no more', { bytes: 5_000 }],
  ])('for want of room has all rows back where the storage limit %s', async (_, storageLimit) => {
    const table = await tableOf(30)
    const storage = memoryStorage()
    const before = await version(table, storage, {
      storageLimit: { bytes: 5_000, policy: 'prune' },
    })
    await before.sync.sync()
    expect((await numbers(before)).length).toBeLessThan(30)
    await before.sync.close()
    const after = await version(table, storage, { storageLimit })
    await after.sync.sync()
    expect(await numbers(after)).toEqual(from(1, 30))
    expect(await compared(after)).toEqual([30])
    await after.sync.close()
  })
})
