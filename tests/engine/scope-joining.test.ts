import type { Sql } from 'postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect, createUser, type TestUser } from '../../dev/testing.ts'
import { Trips } from './support/trips.ts'

let sql: Sql
let trips: Trips
let ann: TestUser
let bob: TestUser

beforeAll(async () => {
  sql = connect('postgres', { connection: { TimeZone: 'UTC' } })
  ;[trips, ann, bob] = await Promise.all([Trips.make(sql), createUser(), createUser()])
})
afterAll(async () => {
  await trips.forget()
  await sql.end()
})

it('joining a trip brings everything that is in it, and leaving takes it away', async () => {
  await trips.add(1, 1, 30)
  await trips.add(2, 1, 5)
  await trips.join(ann, [1])
  const phone = trips.phone(bob)
  await phone.drain()
  expect(phone.rows(trips.items)).toEqual({})

  await trips.join(bob, [1])
  let before = phone.pages.length
  await phone.drain()
  expect(phone.rows(trips.items)).toEqual(await trips.truth(bob, trips.items))
  expect(Object.keys(phone.rows(trips.items))).toHaveLength(30)
  expect(phone.since(before)).toMatchObject({ joined: [trips.scope(1)], left: [], upserts: 30 })

  before = phone.pages.length
  await phone.drain()
  expect(phone.since(before)).toEqual({ joined: [], left: [], upserts: 0, removes: 0 })

  await trips.leave(bob, [1])
  await phone.drain()
  expect(phone.since(before)).toMatchObject({ joined: [], left: [trips.scope(1)], upserts: 0 })
  expect(phone.rows(trips.items)).toEqual({})
})

it('what happens in a trip reaches its members, and nobody else', async () => {
  await trips.join(ann, [3])
  await trips.join(bob, [4])
  const anns = trips.phone(ann)
  const bobs = trips.phone(bob)
  await anns.drain()
  await bobs.drain()
  const before = bobs.pages.length

  await trips.add(3, 1, 3)
  await sql`update public.${sql(trips.items)} set title = 'changed' where id = 3001`
  await sql`delete from public.${sql(trips.items)} where id = 3002`
  await anns.drain()
  await bobs.drain()
  expect(anns.rows(trips.items)).toEqual(await trips.truth(ann, trips.items))
  expect(anns.rows(trips.items)['3001']).toMatchObject({ title: 'changed', version: 2 })
  expect(bobs.since(before)).toEqual({ joined: [], left: [], upserts: 0, removes: 0 })
})

it('joining and leaving concern one member’s devices, all of them', async () => {
  await trips.add(5, 1, 2)
  await trips.join(ann, [5])
  const phone = trips.phone(bob)
  const tablet = trips.phone(bob)
  const anns = trips.phone(ann)
  for (const device of [phone, tablet, anns]) await device.drain()
  const before = anns.pages.length

  await trips.join(bob, [5])
  for (const device of [phone, tablet, anns]) await device.drain()
  for (const device of [phone, tablet])
    expect(device.rows(trips.items)).toEqual(await trips.truth(bob, trips.items))
  await trips.leave(bob, [5])
  for (const device of [phone, tablet, anns]) await device.drain()
  for (const device of [phone, tablet])
    expect(device.rows(trips.items)).toEqual(await trips.truth(bob, trips.items))
  expect(anns.since(before)).toEqual({ joined: [], left: [], upserts: 0, removes: 0 })
})

it('a member who joins while the first download runs gets that trip, too', async () => {
  for (const trip of [6, 7, 8]) await trips.add(trip, 1, 5)
  const cat = await createUser()
  await trips.join(cat, [7])
  for (const late of [6, 8]) {
    const phone = trips.phone(cat)
    await phone.page(2)
    await trips.join(cat, [late])
    await phone.drain(2)
    expect(phone.rows(trips.items)).toEqual(await trips.truth(cat, trips.items))
    await trips.leave(cat, [late])
  }
})

it('a member who leaves while the first download runs keeps nothing', async () => {
  for (const trip of [9, 10]) await trips.add(trip, 1, 5)
  const dan = await createUser()
  for (const pages of [1, 2, 3, 4, 5, 6]) {
    await trips.join(dan, [9, 10])
    const phone = trips.phone(dan)
    for (let n = 0; n < pages; n++) await phone.page(2)
    await trips.leave(dan, [9])
    await phone.drain(2)
    expect(phone.rows(trips.items), `after ${pages} pages`).toEqual(
      await trips.truth(dan, trips.items),
    )
    expect(Object.keys(phone.rows(trips.items))).toHaveLength(5)
  }
})
