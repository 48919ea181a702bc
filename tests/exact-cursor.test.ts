import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeTable } from '../client/tests/support/project.ts'
import { testSeed } from '../dev/seed.ts'
import { connect, createUser, type TestUser } from '../dev/testing.ts'
import { Puller } from './support/calls.ts'
import { seeded } from './support/random.ts'
import { insert, truth, write } from './support/writers.ts'

const WRITERS = 16
const DURATION = 5_000

let sql: Sql
let user: TestUser

beforeAll(async () => {
  sql = connect('postgres', { max: WRITERS + 4, connection: { TimeZone: 'UTC' } })
  user = await createUser()
})
afterAll(() => sql.end({ timeout: 1 }))

/** A synced table with what pollers go by: a number from a sequence, and `updated_at`. */
const table = () => makeTable(sql, 'name text, serial bigint generated always as identity')

/** What rivals do: remember the highest value seen and ask for what is above it. */
class Poller {
  readonly seen = new Set<string>()
  #last: string
  readonly #table: string
  readonly #column: 'serial' | 'updated_at'
  readonly #type: string

  constructor(name: string, column: 'serial' | 'updated_at') {
    this.#table = name
    this.#column = column
    this.#type = column === 'serial' ? 'bigint' : 'timestamptz'
    this.#last = column === 'serial' ? '0' : '-infinity'
  }

  async poll(): Promise<void> {
    const rows = await sql.unsafe<{ id: string; at: string }[]>(
      `select id, ${this.#column}::text as at from public.${this.#table}
       where ${this.#column} > $1::text::${this.#type} order by ${this.#column}`,
      [this.#last],
    )
    for (const { id, at } of rows) {
      this.seen.add(id)
      this.#last = at
    }
  }
}

describe('the cursor', () => {
  it('delivers a row that was committed after later ones were read, where polling loses it', async () => {
    const name = await table()
    const puller = new Puller(user, name)
    await puller.drain()
    const pollers = [new Poller(name, 'serial'), new Poller(name, 'updated_at')]
    const slow = await sql.reserve()
    await slow`begin`
    const early = await insert(slow, user.id, name, 'begun first, committed last')
    const late = await insert(sql, user.id, name, 'begun last, committed first')

    await puller.drain()
    for (const poller of pollers) await poller.poll()
    expect([...puller.rows.keys()]).toEqual([late])

    await slow`commit`
    slow.release()
    await puller.drain()
    for (const poller of pollers) await poller.poll()
    expect(puller.rows).toEqual(await truth(sql, name))
    expect(puller.rows.has(early)).toBe(true)
    for (const poller of pollers) expect([...poller.seen]).toEqual([late])
  })

  it(
    'misses nothing of 16 writers that commit in any order, and waits for none of them',
    async () => {
      const seed = testSeed()
      console.log(`seed ${seed} (TIDEMARK_SEED=${seed} brings the same writers back)`)
      const name = await table()
      const shared = await Promise.all(
        Array.from({ length: 32 }, (_, i) => insert(sql, user.id, name, `shared ${i}`)),
      )
      const early = new Puller(user, name)
      const rested = new Puller(user, name)
      await early.drain()
      await rested.drain()

      const idle = await sql.reserve()
      await idle`begin`
      const held = await insert(idle, user.id, name, 'in a transaction that stays open')

      const until = Date.now() + DURATION
      const writers = Array.from({ length: WRITERS }, (_, i) =>
        write(sql, user.id, seeded(seed + i), name, shared, until),
      )
      const random = seeded(seed + WRITERS)
      const pollers = [new Poller(name, 'serial'), new Poller(name, 'updated_at')]
      let late: Puller | undefined
      let pages = 0
      let duringTheRun = 0
      const done = Promise.all(writers)
      while (Date.now() < until) {
        await early.page(1 + random.below(200))
        pages++
        if (!late && Date.now() > until - DURATION / 2) late = new Puller(user, name)
        await late?.page(1 + random.below(200))
        for (const poller of pollers) await poller.poll()
        duringTheRun = early.rows.size
      }
      const kept = await done
      for (const poller of pollers) await poller.poll()

      // The idle transaction is still open, and everything else is there.
      await early.drain(1 + random.below(60))
      const before = await truth(sql, name)
      expect(early.rows).toEqual(before)
      expect(early.rows.has(held)).toBe(false)
      expect(duringTheRun).toBeGreaterThan(before.size / 2)

      await idle`commit`
      idle.release()
      const after = await truth(sql, name)
      expect(after.has(held)).toBe(true)
      for (const puller of [early, late!, rested]) {
        await puller.drain(1 + random.below(200))
        expect(puller.rows).toEqual(after)
      }

      // Rows that nobody touched after they were inserted came exactly once.
      const often = kept.flat().filter((id) => early.deliveries.get(id) !== 1)
      expect(often).toEqual([])

      const lost = pollers.map(({ seen }) => [...after.keys()].filter((id) => !seen.has(id)).length)
      console.log(
        `${after.size} rows, ${pages} pages, ${duringTheRun} delivered during; polling lost ${lost[0]} by serial, ${lost[1]} by updated_at`,
      )
    },
    DURATION + 30_000,
  )
})
