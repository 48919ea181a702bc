import type { Sql } from 'postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect, createUser, type TestUser } from '../../dev/testing.ts'
import { Trips } from './support/trips.ts'

const SCOPES = 400

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

const upTo = (n: number) => Array.from({ length: n }, (_, i) => i + 1)

it('hundreds of trips are downloaded, followed, joined and left as one is', async () => {
  await sql`
    insert into public.${sql(trips.items)} (id, trip, title)
    select trip * 1000 + n, trip, 'item' from generate_series(1, ${SCOPES + 20}::int) trip, generate_series(1, 3) n`
  await trips.join(ann, upTo(SCOPES))
  const phone = trips.phone(ann)
  const agree = async (limit?: number) => {
    await phone.drain(limit)
    expect(phone.rows(trips.items)).toEqual(await trips.truth(ann, trips.items))
  }
  await agree(500)
  expect(Object.keys(phone.rows(trips.items))).toHaveLength(SCOPES * 3)
  expect(phone.pages[0]!.progress).toEqual({ done: 500, total: SCOPES * 3 })

  let before = phone.pages.length
  await agree()
  expect(phone.since(before)).toEqual({ joined: [], left: [], upserts: 0, removes: 0 })

  // One change in each of them, read in pages that hold a few trips each.
  await sql`update public.${sql(trips.items)} set title = 'changed' where id % 1000 = 1`
  before = phone.pages.length
  await agree(33)
  expect(phone.since(before)).toMatchObject({ upserts: SCOPES, removes: 0 })

  await trips.leave(ann, upTo(SCOPES / 2))
  await trips.join(ann, [SCOPES + 1, SCOPES + 2])
  before = phone.pages.length
  await agree()
  const { joined, left, upserts } = phone.since(before)
  expect(joined).toHaveLength(2)
  expect(left).toHaveLength(SCOPES / 2)
  expect(upserts).toBe(6)
})
