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

it('who leaves and joins again between two pulls holds what is there now', async () => {
  await trips.add(1, 1, 6)
  await trips.join(ann, [1])
  const phone = trips.phone(ann)
  await phone.drain()

  await trips.leave(ann, [1])
  await sql`delete from public.${sql(trips.items)} where id = 1001`
  await sql`update public.${sql(trips.items)} set trip = 99 where id = 1002`
  await sql`update public.${sql(trips.items)} set title = 'changed' where id = 1003`
  await trips.add(1, 7, 8)
  await trips.join(ann, [1])
  const before = phone.pages.length
  await phone.drain()
  expect(phone.since(before)).toMatchObject({ joined: [trips.scope(1)], left: [trips.scope(1)] })
  expect(phone.rows(trips.items)).toEqual(await trips.truth(ann, trips.items))
  expect(Object.keys(phone.rows(trips.items))).toEqual([
    '1003',
    '1004',
    '1005',
    '1006',
    '1007',
    '1008',
  ])
})

it('who joins and leaves again between two pulls holds nothing, and is told so', async () => {
  await trips.add(2, 1, 3)
  const phone = trips.phone(ann)
  await phone.drain()
  await trips.join(ann, [2])
  await trips.leave(ann, [2])
  const before = phone.pages.length
  await phone.drain()
  expect(phone.since(before)).toMatchObject({ joined: [], left: [trips.scope(2)], upserts: 0 })
  expect(phone.rows(trips.items)).toEqual(await trips.truth(ann, trips.items))
})

it('leaving and joining again while a page is out is noticed by the next', async () => {
  await trips.add(3, 1, 10)
  await trips.join(ann, [3])
  const phone = trips.phone(ann)
  await phone.drain()
  for (let pages = 0; pages < 8; pages++) {
    await sql`update public.${sql(trips.items)} set title = ${`round ${pages}`} where trip = 3`
    for (let n = 0; n < pages; n++) await phone.page(3)
    await trips.leave(ann, [3])
    await sql`delete from public.${sql(trips.items)} where id = ${3001 + pages}`
    await trips.join(ann, [3])
    await phone.drain(3)
    expect(phone.rows(trips.items), `after ${pages} pages`).toEqual(
      await trips.truth(ann, trips.items),
    )
  }
})

it('a role that changes to and fro ends as it is', async () => {
  await trips.add(4, 1, 3)
  await trips.add(4, 11, 13, true)
  await trips.join(ann, [4], 'viewer')
  const phone = trips.phone(ann)
  await phone.drain()
  const holds = async (ids: number) => {
    await phone.drain(2)
    expect(phone.rows(trips.items)).toEqual(await trips.truth(ann, trips.items))
    expect(Object.keys(phone.rows(trips.items)).filter((id) => id.startsWith('4'))).toHaveLength(
      ids,
    )
  }
  await holds(3)
  await trips.join(ann, [4], 'editor')
  await holds(6)
  await trips.join(ann, [4], 'viewer')
  await holds(3)
  await trips.join(ann, [4], 'editor')
  await trips.join(ann, [4], 'viewer')
  await trips.join(ann, [4], 'editor')
  await holds(6)
  await trips.join(ann, [4], 'viewer')
  await trips.leave(ann, [4])
  await holds(0)
})
