import { DatabaseSync } from 'node:sqlite'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connect, createUser, type TestUser } from '../../dev/testing.ts'
import { sqliteStorage, syncSqlite } from '../src/index.ts'
import { type Device, device, makeTable, rowsInDatabase } from './support/project.ts'
import { newFile } from './support/storages.ts'

let sql: Sql
let user: TestUser
beforeAll(async () => {
  sql = connect()
  user = await createUser()
})
afterAll(() => sql.end())

describe('a device whose SQLite database may not grow', () => {
  let table: string
  let db: DatabaseSync
  let one: Device
  const name = 'x'.repeat(500)

  /** All that the file holds. */
  const contents = () => {
    const tables = db
      .prepare("select name from sqlite_schema where type = 'table' order by 1")
      .all()
    return tables.map(({ name }) => db.prepare(`select * from "${String(name)}"`).all())
  }
  /** No page more than there is now, and no free one. */
  const full = () => {
    db.exec('vacuum')
    const { page_count } = db.prepare('pragma page_count').get() as { page_count: number }
    db.exec(`pragma max_page_count = ${page_count}`)
  }
  const roomAgain = () => db.exec('pragma max_page_count = 1000000')
  const quota = { name: 'StorageError', code: 'quota', retryable: false }

  beforeEach(async () => {
    table = await makeTable(sql)
    db = new DatabaseSync(newFile())
    one = await device(user, [table], { storage: sqliteStorage(syncSqlite(db)) })
    await one.sync.sync()
  })

  it('refuses an edit whole, keeps its queue, and goes on when there is room', async () => {
    full()
    let kept = 0
    let refused = 0
    // Of many sizes, so that now the first and now a later record of an edit finds no room.
    for (let size = 0; size < 4_000; size += 40) {
      const before = contents()
      try {
        await one.rows.insert({ name: 'x'.repeat((size * 7) % 4_000), n: kept })
        kept++
      } catch (error) {
        refused++
        expect(error).toMatchObject(quota)
        expect(contents()).toEqual(before)
      }
    }
    expect(refused).toBeGreaterThan(20)
    expect((await one.rows.list()).length).toBe(kept)
    expect((await one.sync.queue.list()).length).toBe(kept)

    roomAgain()
    await one.rows.insert({ name, n: kept })
    await expect(one.sync.sync()).resolves.toMatchObject({ pushed: kept + 1, rejected: 0 })
    const stored = await rowsInDatabase(sql, table)
    expect(stored.map(({ n }) => Number(n)).toSorted((a, b) => a - b)).toEqual(
      Array.from({ length: kept + 1 }, (_, n) => n),
    )
    expect(await one.sync.queue.list()).toEqual([])
  })

  it('takes a page that does not fit not at all, sends each edit once, and has it all later', async () => {
    const mine = await one.rows.insert({ name: 'mine', n: -1 })
    await sql`insert into ${sql(table)} (id, user_id, name, n)
      select gen_random_uuid(), ${user.id}, ${name}, n from generate_series(0, 299) n`
    full()
    for (let attempt = 0; attempt < 2; attempt++) {
      await expect(one.sync.sync()).rejects.toMatchObject(quota)
      expect((await one.rows.list()).map(({ id }) => id)).toEqual([mine.id])
    }

    roomAgain()
    await one.sync.sync()
    const byId = (a: { id?: unknown }, b: { id?: unknown }) =>
      String(a.id) < String(b.id) ? -1 : 1
    const stored = await rowsInDatabase(sql, table)
    expect(stored).toHaveLength(301)
    expect(stored.find(({ id }) => id === mine.id)).toMatchObject({ version: 1 })
    expect((await one.rows.list()).toSorted(byId)).toEqual(stored.toSorted(byId))
    expect(await one.sync.queue.list()).toEqual([])
  })
})
