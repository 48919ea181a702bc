import { DatabaseSync } from 'node:sqlite'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connect, createUser, type TestUser } from '../../dev/testing.ts'
import { checksumOf } from '../src/database/checksums.ts'
import { type DamagedRecord, localStorageStorage, sqliteStorage, syncSqlite } from '../src/index.ts'
import { type Device, device, makeTable, rowsInDatabase } from './support/project.ts'
import { edit } from './support/records.ts'
import { FileArea, newFile } from './support/storages.ts'

let sql: Sql
let user: TestUser
beforeAll(async () => {
  sql = connect()
  user = await createUser()
})
afterAll(() => sql.end())

describe('a damaged record is set aside, and the rest goes on', () => {
  let table: string
  let db: DatabaseSync
  let one: Device
  let damaged: DamagedRecord[]

  beforeEach(async () => {
    table = await makeTable(sql)
    db = new DatabaseSync(newFile())
    one = await device(user, [table], { storage: sqliteStorage(syncSqlite(db)) })
    damaged = []
    one.sync.on('damaged', (record) => damaged.push(record))
  })

  it('an edit: the others are sent, its row shows what the server has, its content is kept', async () => {
    await sql`insert into ${sql(table)} (user_id, name, n) values (${user.id}, 'first', 0)`
    await one.sync.sync()
    const [there] = await one.rows.list()
    await one.rows.update(there!.id, { name: 'changed' })
    const ada = await one.rows.insert({ name: 'Ada' })
    await one.rows.insert({ name: 'Grace' })
    db.exec(`update tidemark_queue set record = '{' where id = '${there!.id}'`)
    db.exec(
      `update tidemark_queue set record = replace(record, 'Ada', 'Eve') where id = '${ada.id}'`,
    )

    const report = await one.sync.sync()
    expect(report).toMatchObject({ pushed: 1, rejected: 0 })
    const stored = await rowsInDatabase(sql, table)
    expect(stored.map(({ name }) => name).toSorted()).toEqual(['Grace', 'first'])
    expect((await one.rows.list()).toSorted((a, b) => (a.name! < b.name! ? -1 : 1))).toEqual(
      stored.toSorted((a, b) => (String(a.name) < String(b.name) ? -1 : 1)),
    )
    const kept = await one.sync.damaged.list()
    expect(kept).toHaveLength(2)
    expect(damaged.toSorted((a, b) => (a.id < b.id ? -1 : 1))).toEqual(kept)
    expect(kept.map(({ store, key, content }) => [store, key, content])).toEqual(
      expect.arrayContaining([
        ['queue', 1, '{'],
        ['queue', 2, expect.objectContaining({ data: expect.objectContaining({ name: 'Eve' }) })],
      ]),
    )
    expect(await one.sync.damaged.clear()).toBe(2)
    expect(await one.sync.damaged.list()).toEqual([])
  })

  it('a row: it comes back with the next pull, and edits of it are not lost', async () => {
    await sql`insert into ${sql(table)} (user_id, name, n)
      select ${user.id}, 'row ' || n, n from generate_series(1, 20) n`
    await one.sync.sync()
    const [first, second, third] = await one.rows.list({}, { order: 'n' })
    await one.rows.update(second!.id, { phone: '2' })
    await sql`delete from ${sql(table)} where id = ${third!.id}`
    db.exec(`update tidemark_rows set record = substr(record, 1, 9)
      where id in ('${first!.id}', '${second!.id}')`)
    expect(await one.rows.list()).toHaveLength(18)
    await one.sync.sync()
    const stored = await rowsInDatabase(sql, table)
    expect(stored).toHaveLength(19)
    expect(stored).toContainEqual(expect.objectContaining({ n: 2, phone: '2' }))
    expect(await one.rows.list()).toEqual(stored)
    expect(damaged).toHaveLength(2)
  })

  const loseDevice = (): void =>
    void db.exec(`update tidemark_meta set record = 'x' where name = 'device'`)
  const nameOf = async (): Promise<string> => (await one.sync.devices.current()).device_id

  it('the device itself: it keeps its name and sends what waits', async () => {
    await one.rows.insert({ name: 'Ada' })
    await one.sync.sync()
    const name = await nameOf()
    await one.rows.insert({ name: 'Grace' })
    loseDevice()
    await one.sync.sync()
    expect(await nameOf()).toBe(name)
    expect(await one.rows.insert({ name: 'Eve' })).toMatchObject({ name: 'Eve' })
    await one.sync.sync()
    const stored = await rowsInDatabase(sql, table)
    expect(stored.map(({ name }) => name).toSorted()).toEqual(['Ada', 'Eve', 'Grace'])
    expect(await one.rows.list()).toEqual(stored)
    expect(damaged.map(({ store, key }) => [store, key])).toEqual([['meta', 'device']])
  })

  it('the device itself, with nothing in its queue: its next edits are not taken for old ones', async () => {
    await one.rows.insertMany([{ n: 1 }, { n: 2 }])
    await one.sync.sync()
    loseDevice()
    const { id } = (await one.rows.list())[0]!
    await one.rows.update(id, { name: 'Ada' })
    await one.rows.insert({ name: 'Grace' })
    await one.sync.sync()
    await one.sync.sync()
    const stored = await rowsInDatabase(sql, table)
    expect(
      stored
        .map(({ name }) => name)
        .filter(Boolean)
        .toSorted(),
    ).toEqual(['Ada', 'Grace'])
    expect(await one.rows.list()).toEqual(stored)
    expect(await one.sync.queue.stats()).toMatchObject({ pending: 0, sent: 0, failed: 0 })
  })

  it('the device itself, after a lost answer: what the server has is not added up twice', async () => {
    await sql`select tidemark.add_table(${`public.${table}`}, 'user:user_id', columns => '{"n": "sum"}')`
    const { id } = await one.rows.insert({ n: 10 })
    await one.sync.sync()
    await one.rows.update(id, { n: 15 })
    one.faults.next('after', 'before', 'before', 'before')
    await expect(one.sync.push()).rejects.toMatchObject({ name: 'NetworkError' })
    expect(await rowsInDatabase(sql, table)).toMatchObject([{ n: 15 }])
    loseDevice()
    await one.sync.sync()
    expect(await rowsInDatabase(sql, table)).toMatchObject([{ n: 15 }])
    expect(await one.rows.list()).toMatchObject([{ n: 15 }])
  })

  it('the device itself: its edits stay those of the user who made them', async () => {
    await one.rows.insert({ name: 'Ada' })
    await one.sync.sync()
    await one.rows.insert({ name: 'of Ada' })
    loseDevice()
    const bob = await createUser()
    const other = await device(bob, [table], { storage: sqliteStorage(syncSqlite(db)) })
    await expect(other.sync.sync()).rejects.toMatchObject({ code: 'other_user' })
    await expect(other.rows.list()).rejects.toMatchObject({ code: 'other_user' })
  })

  it('where it stands in the log: it downloads afresh, and what is gone is gone', async () => {
    await sql`insert into ${sql(table)} (user_id, n)
      select ${user.id}, n from generate_series(1, 5) n`
    await one.sync.sync()
    await sql`delete from ${sql(table)} where n = 3`
    db.exec(`update tidemark_meta set record = 'x' where name = 'cursor'`)
    await one.sync.sync()
    expect((await one.rows.list({}, { order: 'n' })).map(({ n }) => n)).toEqual([1, 2, 4, 5])
    expect(damaged).toHaveLength(1)
  })

  it('everything at once, as when a site’s data is deleted while it is open', async () => {
    const area = new FileArea()
    const tab = await device(user, [table], { storage: localStorageStorage('app', { area }) })
    await tab.rows.insert({ name: 'Ada' })
    await tab.sync.sync()
    while (area.length > 0) area.removeItem(area.key(0)!)
    expect(await tab.rows.list()).toEqual([])
    await tab.rows.insert({ name: 'Grace' })
    await tab.sync.sync()
    const stored = await rowsInDatabase(sql, table)
    expect(stored).toHaveLength(2)
    expect(await tab.rows.list()).toEqual(stored)
  })
})

describe('the checksum of an edit', () => {
  it('follows its number and content, and nothing else', () => {
    const one = edit(1, { data: { id: 'a', name: 'Ada' } })
    expect(checksumOf(one)).toMatch(/^[0-9a-f]{8}$/)
    expect(checksumOf({ ...one, size: 99, rank: -1, checksum: 'x' })).toBe(checksumOf(one))
    const changes = [{ seq: 2 }, { data: { id: 'a', name: 'Adb' } }, { base: 1 }, { op: 'patch' }]
    for (const change of changes)
      expect(checksumOf({ ...one, ...change } as typeof one)).not.toBe(checksumOf(one))
  })
})
