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
  await trips.join(ann, [1, 2])
  await trips.join(bob, [2, 3])
})
afterAll(async () => {
  await trips.forget()
  await sql.end()
})

const move = (id: number, trip: number) =>
  sql`update public.${sql(trips.items)} set trip = ${trip} where id = ${id}`

it('a row that moves to another trip moves on every device', async () => {
  await trips.add(1, 1, 3)
  const anns = trips.phone(ann)
  const bobs = trips.phone(bob)
  const agree = async () => {
    await anns.drain(1)
    await bobs.drain(1)
    expect(anns.rows(trips.items)).toEqual(await trips.truth(ann, trips.items))
    expect(bobs.rows(trips.items)).toEqual(await trips.truth(bob, trips.items))
  }
  await agree()
  await move(1001, 2) // still Ann's, now Bob's, too
  await agree()
  expect(anns.held.get(trips.items)!.get('1001')!.scope).toBe(trips.scope(2))
  await move(1001, 3) // Bob's only
  await agree()
  expect(anns.rows(trips.items)['1001']).toBeUndefined()
  await move(1001, 77) // nobody's
  await agree()
  expect(bobs.rows(trips.items)['1001']).toBeUndefined()
  await move(1001, 1)
  await agree()
  expect(anns.rows(trips.items)['1001']).toMatchObject({ trip: 1 })
})

it('a row that moved on before anybody looked is where it is', async () => {
  await trips.add(1, 11, 12)
  const anns = trips.phone(ann)
  const bobs = trips.phone(bob)
  await anns.drain()
  await bobs.drain()
  for (const trip of [2, 3, 1, 77, 2, 1, 3]) await move(1011, trip)
  for (const trip of [2, 77, 1]) await move(1012, trip)
  for (const [phone, user] of [
    [anns, ann],
    [bobs, bob],
  ] as const) {
    await phone.drain(1)
    expect(phone.rows(trips.items)).toEqual(await trips.truth(user, trips.items))
  }
  expect(anns.rows(trips.items)['1012']).toMatchObject({ trip: 1, version: 4 })
})

it('a row that moves and is deleted is gone everywhere', async () => {
  await trips.add(1, 21, 21)
  const anns = trips.phone(ann)
  const bobs = trips.phone(bob)
  await anns.drain()
  await bobs.drain()
  await move(1021, 2)
  await sql`delete from public.${sql(trips.items)} where id = 1021`
  for (const phone of [anns, bobs]) {
    await phone.drain()
    expect(phone.rows(trips.items)['1021']).toBeUndefined()
  }
})

it('a row that changes hands goes from one user’s devices to the other’s', async () => {
  const anns = trips.phone(ann)
  const bobs = trips.phone(bob)
  await anns.push({ table: trips.notes, op: 'put', id: '1', base: null, data: { text: 'mine' } })
  await anns.drain()
  await bobs.drain()
  expect(anns.rows(trips.notes)['1']).toMatchObject({ text: 'mine' })
  await sql`update public.${sql(trips.notes)} set user_id = ${bob.id} where id = 1`
  for (const [phone, user] of [
    [anns, ann],
    [bobs, bob],
  ] as const) {
    await phone.drain()
    expect(phone.rows(trips.notes)).toEqual(await trips.truth(user, trips.notes))
  }
  expect(bobs.rows(trips.notes)['1']).toMatchObject({ text: 'mine', user_id: bob.id })

  const [late] = await anns.push({
    table: trips.notes,
    op: 'patch',
    id: '1',
    base: 1,
    data: { text: 'still mine' },
  })
  expect(late).toMatchObject({ status: 'rejected', error: { code: 'not_found' } })
})

it('a member moves a row by a push, where the policies let them', async () => {
  await trips.add(2, 31, 32)
  const bobs = trips.phone(bob)
  const anns = trips.phone(ann)
  await bobs.drain()
  await anns.drain()
  const push = (id: string, trip: number) =>
    bobs
      .push({ table: trips.items, op: 'patch', id, base: 1, data: { trip } })
      .then(([result]) => result)
  expect(await push('2031', 3)).toMatchObject({ status: 'applied', version: 2 })
  expect(await push('2032', 1)).toMatchObject({ status: 'rejected', error: { code: 'forbidden' } })
  await anns.drain()
  await bobs.drain()
  expect(anns.rows(trips.items)).toEqual(await trips.truth(ann, trips.items))
  expect(bobs.rows(trips.items)).toEqual(await trips.truth(bob, trips.items))
  expect(anns.rows(trips.items)['2031']).toBeUndefined()
})
