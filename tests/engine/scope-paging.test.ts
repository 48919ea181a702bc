import type { Sql } from 'postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { testSeed } from '../../dev/seed.ts'
import { connect, createUser, type TestUser } from '../../dev/testing.ts'
import { seeded } from '../support/random.ts'
import { Trips } from './support/trips.ts'

let sql: Sql
let trips: Trips
let users: TestUser[]

beforeAll(async () => {
  sql = connect('postgres', { connection: { TimeZone: 'UTC' } })
  ;[trips, ...users] = await Promise.all([Trips.make(sql), createUser(), createUser()])
})
afterAll(async () => {
  await trips.forget()
  await sql.end()
})

it('a join is the same in pages of one row as in one page', async () => {
  const ann = users[0]!
  await trips.add(90, 1, 7)
  await trips.add(91, 1, 7)
  const small = trips.phone(ann)
  const large = trips.phone(ann)
  await small.drain(1)
  await large.drain()
  await sql`insert into public.${sql(trips.notes)} (id, user_id) select n, ${ann.id} from generate_series(1, 3) n`
  await trips.join(ann, [90, 91])
  await trips.add(90, 8, 9)
  await small.drain(1)
  await large.drain()
  for (const phone of [small, large]) {
    expect(phone.rows(trips.items)).toEqual(await trips.truth(ann, trips.items))
    expect(phone.rows(trips.notes)).toEqual(await trips.truth(ann, trips.notes))
  }
  expect(Math.max(...small.pages.map(size))).toBe(1)
  expect(small.pages.flatMap(({ joined }) => joined).toSorted()).toEqual([
    trips.scope(90),
    trips.scope(91),
  ])

  const before = small.pages.length
  await trips.leave(ann, [90])
  await small.drain(1)
  expect(small.since(before)).toMatchObject({ left: [trips.scope(90)], upserts: 0 })
  expect(small.rows(trips.items)).toEqual(await trips.truth(ann, trips.items))
})

const size = ({ changes }: { changes: { upsert: unknown[] }[] }) =>
  changes.reduce((sum, { upsert }) => sum + upsert.length, 0)

it('whatever happens between two pages, in the end a device holds what its user may see', async () => {
  const seed = testSeed()
  console.log(`seed ${seed} (TIDEMARK_SEED=${seed} brings the same walk back)`)
  const random = seeded(seed)
  for (const trip of [1, 2, 3]) await trips.add(trip, 1, 8)
  let next = 9
  const item = sql(trips.items)
  const steps: [string, () => Promise<unknown>][] = [
    [
      'join',
      () =>
        trips.join(random.pick(users), [1 + random.below(3)], random.pick(['editor', 'viewer'])),
    ],
    ['leave', () => trips.leave(random.pick(users), [1 + random.below(3)])],
    ['add', () => trips.add(1 + random.below(3), next, next++, random.chance(0.3))],
    [
      'edit',
      () =>
        sql`update public.${item} set title = ${`${random.below(1e6)}`} where id % 7 = ${random.below(7)} and id < 4000`,
    ],
    [
      'move',
      () =>
        sql`update public.${item} set trip = ${1 + random.below(3)} where id % 9 = ${random.below(9)} and id < 4000`,
    ],
    [
      'hide',
      () =>
        sql`update public.${item} set for_editors = ${random.chance(0.5)} where id % 5 = ${random.below(5)} and id < 4000`,
    ],
    [
      'delete',
      () => sql`delete from public.${item} where id % 23 = ${random.below(23)} and id < 4000`,
    ],
  ]
  const phones = users.flatMap((user) => [0, 1].map(() => ({ user, phone: trips.phone(user) })))
  const history: string[] = []
  for (let round = 0; round < 25; round++) {
    for (let n = 3 + random.below(6); n > 0; n--) {
      if (random.chance(0.5)) {
        const [name, step] = random.pick(steps)
        history.push(name)
        await step()
      } else {
        history.push('page')
        await random.pick(phones).phone.page(1 + random.below(5))
      }
    }
    if (round % 5 < 4) continue
    for (const { user, phone } of phones) {
      await phone.drain(1 + random.below(20))
      expect(phone.rows(trips.items), `seed ${seed}: ${history.join(' ')}`).toEqual(
        await trips.truth(user, trips.items),
      )
      expect(phone.resets).toBe(0)
    }
  }
}, 120_000)
