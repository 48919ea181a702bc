import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeTable } from '../client/tests/support/project.ts'
import { testSeed } from '../dev/seed.ts'
import { connect, createUser, type TestUser } from '../dev/testing.ts'
import { type Page, type Pull, Puller } from './support/calls.ts'
import { seeded } from './support/random.ts'
import { type Standby, startStandby } from './support/standby.ts'
import { insert, truth, write } from './support/writers.ts'

const WRITERS = 8
const DURATION = 4_000

let sql: Sql
let admin: Sql
let standby: Standby | undefined
let user: TestUser

beforeAll(async () => {
  sql = connect('postgres', { max: WRITERS + 4, connection: { TimeZone: 'UTC' } })
  admin = connect('supabase_admin')
  standby = await startStandby(admin)
  user = await createUser()
}, 60_000)
afterAll(async () => {
  await standby?.stop()
  await Promise.all([sql.end({ timeout: 1 }), admin.end({ timeout: 1 })])
})

/** A pull as the API makes it, of the server that `on` leads to. */
const pullOn =
  (on: Sql): Pull =>
  ({ device_id, cursor, options }) =>
    on.begin('read only', async (tx) => {
      const claims = JSON.stringify({ sub: user.id, role: 'authenticated' })
      await tx`select set_config('role', 'authenticated', true), set_config('request.jwt.claims', ${claims}, true)`
      const [row] = await tx<[{ page: Page }]>`
        select public.sync_pull(${device_id}, ${tx.json(cursor as never)}::json, ${tx.json(options as never)}::json) as page`
      return row.page
    })

describe('a standby', () => {
  it(
    'serves pulls that miss nothing of what commits in any order on the primary, and hands over to it',
    async ({ skip }) => {
      if (!standby) return skip('the files of the primary are out of reach')
      const seed = testSeed()
      console.log(`seed ${seed} (TIDEMARK_SEED=${seed} brings the same writers back)`)
      const random = seeded(seed + WRITERS)
      const here = pullOn(sql)
      const there = pullOn(standby.sql)
      const name = await makeTable(sql)
      const shared = await Promise.all(
        Array.from({ length: 16 }, (_, i) => insert(sql, user.id, name, `shared ${i}`)),
      )
      await standby.caughtUp()
      const reader = new Puller(user, name, there)
      const roamer = new Puller(user, name, there)
      await reader.drain()
      expect(reader.rows).toEqual(await truth(sql, name))

      const slow = await sql.reserve()
      await slow`begin`
      const held = await insert(slow, user.id, name, 'begun first, committed last')
      const until = Date.now() + DURATION
      const writers = Promise.all(
        Array.from({ length: WRITERS }, (_, i) =>
          write(sql, user.id, seeded(seed + i), name, shared, until),
        ),
      )
      let pages = 0
      while (Date.now() < until) {
        await reader.page(1 + random.below(100))
        await roamer.page(1 + random.below(100), random.chance(0.5) ? here : there)
        pages += 2
      }
      await writers
      await standby.caughtUp()
      await reader.drain()
      expect(reader.rows.has(held)).toBe(false)

      await slow`commit`
      slow.release()
      await standby.caughtUp()
      const rows = await truth(sql, name)
      await roamer.drain(1000, here)
      expect(roamer.rows).toEqual(rows)
      for (const puller of [reader, roamer, new Puller(user, name, there)]) {
        // Other tests have transactions open on this primary, and a standby waits for them.
        await expect
          .poll(() => puller.drain(1000, there).then(() => puller.rows), { timeout: 30_000 })
          .toEqual(rows)
      }
      console.log(`${rows.size} rows, ${pages} pages`)
    },
    DURATION + 60_000,
  )

  it('that is behind takes nothing for delivered that it has not got', async ({ skip }) => {
    if (!standby) return skip('the files of the primary are out of reach')
    const [here, there] = [pullOn(sql), pullOn(standby.sql)]
    const name = await makeTable(sql)
    const add = async (count: number) => {
      for (let n = 0; n < count; n++) await insert(sql, user.id, name, `row ${n}`)
    }
    await add(8)
    await standby.caughtUp()
    const follower = new Puller(user, name, here)
    await follower.drain()
    const newcomer = new Puller(user, name, here)
    await standby.sql`select pg_wal_replay_pause()`
    try {
      await add(8)
      // The window that the primary opens, and the download that it begins, go on behind it.
      for (const puller of [follower, newcomer]) {
        await puller.page(1, here)
        await puller.page(1000, there)
        await puller.drain(1000, here)
        expect(puller.rows).toEqual(await truth(sql, name))
      }
    } finally {
      await standby.sql`select pg_wal_replay_resume()`
    }
  }, 60_000)
})
