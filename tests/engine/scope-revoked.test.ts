import type { Sql } from 'postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect, createUser, type TestUser } from '../../dev/testing.ts'
import { Trips } from './support/trips.ts'

let sql: Sql
let trips: Trips
let ann: TestUser

beforeAll(async () => {
  sql = connect('postgres', { connection: { TimeZone: 'UTC' } })
  ;[trips, ann] = await Promise.all([Trips.make(sql), createUser()])
})
afterAll(async () => {
  await trips.forget()
  await sql.end()
})

it('the pages that a removed member fetches with an old cursor hold nothing of the trip', async () => {
  await trips.add(1, 1, 12)
  await trips.join(ann, [1])
  const phone = trips.phone(ann)

  // Cursors from every point of a device's life: in the first download, in sync, in an open window.
  const cursors: Record<string, unknown>[] = []
  const remember = () => cursors.push(structuredClone(phone.cursor!))
  for (;;) {
    const more = await phone.page(5)
    remember()
    if (!more) break
  }
  await sql`update public.${sql(trips.items)} set title = 'before' where trip = 1`
  for (;;) {
    const more = await phone.page(5)
    remember()
    if (!more) break
  }
  expect(cursors.length).toBeGreaterThan(5)
  expect(cursors.some(({ initial_sync }) => initial_sync)).toBe(true)
  expect(cursors.some(({ window_end }) => window_end)).toBe(true)

  await trips.leave(ann, [1])
  await sql`update public.${sql(trips.items)} set title = 'after' where trip = 1`
  await trips.add(1, 13, 20)
  await sql`delete from public.${sql(trips.items)} where id = 1001`

  for (const cursor of cursors) {
    const old = trips.phone(ann)
    old.cursor = cursor
    await old.drain(3)
    const news = old.since(0)
    expect(news.upserts).toBe(0)
    expect(news.removes).toBe(0)
    expect(news.joined).toEqual([])
    expect(news.left.every((scope) => scope === trips.scope(1))).toBe(true)
    // Whoever may hold rows of it is told to drop them.
    expect(news.left).toContain(trips.scope(1))
  }
})

it('a cursor that was made up opens no other trip', async () => {
  await trips.add(2, 1, 3)
  const bob = await createUser()
  await trips.join(bob, [2])
  const bobs = trips.phone(bob)
  await bobs.page(1)
  const mine = trips.phone(ann)
  await mine.drain()
  const [[no]] = (mine.cursor as { tables: number[] }).tables.length
    ? [(mine.cursor as { tables: number[] }).tables]
    : [[0]]
  for (const cursor of [
    bobs.cursor!,
    { ...mine.cursor!, initial_sync: [[no, '2', null, true]] },
    { ...mine.cursor!, initial_sync: [[no, '2', null, null]] },
    { ...mine.cursor!, seen: '3:3:' },
  ]) {
    const device = trips.phone(ann)
    device.cursor = cursor
    await device.drain()
    expect(device.rows(trips.items)).toEqual({})
    expect(device.since(0).removes).toBe(0)
  }
})

it('a removed member’s edits are rejected, and kept by their device', async () => {
  await trips.add(3, 1, 1)
  await trips.join(ann, [3])
  const phone = trips.phone(ann)
  await phone.drain()
  await trips.leave(ann, [3])
  const results = await phone.push(
    { table: trips.items, op: 'patch', id: '3001', base: 1, data: { title: 'mine' } },
    { table: trips.items, op: 'put', id: '3002', base: null, data: { trip: 3, title: 'new' } },
    { table: trips.items, op: 'delete', id: '3001', base: 1 },
    { table: trips.notes, op: 'put', id: '33', base: null, data: { text: 'my own' } },
  )
  expect(results.map(({ status, error }) => error?.code ?? status)).toEqual([
    'not_found',
    'forbidden',
    'applied', // what is not there counts as deleted
    'applied',
  ])
  expect(
    await sql`select title, version, deleted_at from public.${sql(trips.items)} where trip = 3`,
  ).toEqual([{ title: 'item 1', version: '1', deleted_at: null }])
})
