import type { ReservedSql, Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { makeTable, rowsInDatabase } from '../client/tests/support/project.ts'
import { connect, createUser, type TestUser } from '../dev/testing.ts'
import { Puller } from './support/calls.ts'
import { type Random, seeded } from './support/random.ts'

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

const inserted = (tx: Sql, into: string, name: string) =>
  tx<{ id: string }[]>`
    insert into public.${tx(into)} (user_id, name) values (${user.id}, ${name}) returning id`.then(
    ([row]) => row!.id,
  )

/** Rows by id, as plain SQL sees them. */
async function truth(name: string): Promise<Map<string, unknown>> {
  const rows = await rowsInDatabase(sql, name)
  return new Map(rows.map((row) => [String(row.id), row]))
}

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
    const early = await inserted(slow, name, 'begun first, committed last')
    const late = await inserted(sql, name, 'begun last, committed first')

    await puller.drain()
    for (const poller of pollers) await poller.poll()
    expect([...puller.rows.keys()]).toEqual([late])

    await slow`commit`
    slow.release()
    await puller.drain()
    for (const poller of pollers) await poller.poll()
    expect(puller.rows).toEqual(await truth(name))
    expect(puller.rows.has(early)).toBe(true)
    for (const poller of pollers) expect([...poller.seen]).toEqual([late])
  })

  it(
    'misses nothing of 16 writers that commit in any order, and waits for none of them',
    async () => {
      const seed = Number(process.env.SEED ?? Date.now() % 1e9)
      console.log(`seed ${seed} (SEED=${seed} brings the same writers back)`)
      const name = await table()
      const shared = await Promise.all(
        Array.from({ length: 32 }, (_, i) => inserted(sql, name, `shared ${i}`)),
      )
      const early = new Puller(user, name)
      const rested = new Puller(user, name)
      await early.drain()
      await rested.drain()

      const idle = await sql.reserve()
      await idle`begin`
      const held = await inserted(idle, name, 'in a transaction that stays open')

      const until = Date.now() + DURATION
      const writers = Array.from({ length: WRITERS }, (_, i) =>
        write(seeded(seed + i), name, shared, until),
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
      const before = await truth(name)
      expect(early.rows).toEqual(before)
      expect(early.rows.has(held)).toBe(false)
      expect(duringTheRun).toBeGreaterThan(before.size / 2)

      await idle`commit`
      idle.release()
      const after = await truth(name)
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

/**
 * Transactions of some statements with pauses in between, some rolled back, some in part. Resolves to
 * the rows that it inserted and never touched again.
 */
async function write(
  random: Random,
  name: string,
  shared: string[],
  until: number,
): Promise<string[]> {
  const connection = await sql.reserve()
  const own = new Map<string, 'untouched' | 'touched'>()
  const pause = () =>
    connection`select pg_sleep(${random.below(random.chance(0.1) ? 300 : 15) / 1000})`
  while (Date.now() < until) {
    const inserts: string[] = []
    const edits = new Set<string>()
    await connection`begin`
    for (let step = 1 + random.below(4); step > 0; step--) {
      const partly = random.chance(0.2)
      if (partly) await connection`savepoint part`
      const more = await statement(connection, random, name, [...own.keys()])
      await pause()
      if (partly && random.chance(0.5)) await connection`rollback to savepoint part`
      else if (more.inserted) inserts.push(more.inserted)
      else edits.add(more.edited!)
    }
    // Last, and one a transaction, so that writers wait for each other but never in a circle.
    const meeting = random.chance(0.3) ? random.pick(shared) : undefined
    if (meeting) {
      await connection`
        update public.${connection(name)} set name = ${`met ${random.below(1e6)}`} where id = ${meeting}`
      await pause()
    }
    if (random.chance(0.15)) {
      await connection`rollback`
      continue
    }
    await connection`commit`
    for (const id of inserts) own.set(id, 'untouched')
    for (const id of edits) own.set(id, 'touched')
  }
  connection.release()
  return [...own].filter(([, state]) => state === 'untouched').map(([id]) => id)
}

async function statement(
  connection: ReservedSql,
  random: Random,
  name: string,
  own: string[],
): Promise<{ inserted?: string; edited?: string }> {
  if (own.length === 0 || random.chance(0.6))
    return { inserted: await inserted(connection, name, `row ${random.below(1e6)}`) }
  const id = random.pick(own)
  if (random.chance(0.25)) await connection`delete from public.${connection(name)} where id = ${id}`
  else
    await connection`
      update public.${connection(name)} set name = ${`again ${random.below(1e6)}`} where id = ${id}`
  return { edited: id }
}
