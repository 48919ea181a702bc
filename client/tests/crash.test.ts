import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect } from '../../dev/testing.ts'
import { memoryStorage } from '../src/index.ts'
import { crashing, isKilled } from './support/crash.ts'
import {
  begin,
  countingTable,
  EDITS,
  expectAllOnce,
  makeEdits,
  newStory,
  writeElsewhere,
} from './support/two-hundred.ts'

let sql: Sql
let table: string

beforeAll(async () => {
  sql = connect()
  table = await countingTable(sql)
})
afterAll(() => sql.end())

/** Runs `attempt` for 1, 2, 3 … a few at a time, until one of them says that there was no such point. */
async function forEachPoint(attempt: (at: number) => Promise<boolean>): Promise<number> {
  const together = 4
  for (let from = 1; ; from += together) {
    const points = Array.from({ length: together }, (_, n) => from + n)
    const died = await Promise.all(points.map(attempt))
    if (!died.every(Boolean)) return from + died.indexOf(false) - 1
    expect(from).toBeLessThan(500)
  }
}

const rethrowUnlessKilled = (error: unknown): void => {
  if (!isKilled(error)) throw error
}

describe(`a process that dies in a sync of ${EDITS} edits`, () => {
  it.each(['before', 'after'] as const)(
    '%s any write to its storage loses nothing and doubles nothing',
    async (moment) => {
      const points = await forEachPoint(async (at) => {
        const story = await newStory(sql, table)
        const disk = memoryStorage()
        await makeEdits(story, disk)
        await writeElsewhere(sql, story)
        const crash = crashing(disk, at, moment)
        await begin(story, crash.storage).sync.sync().catch(rethrowUnlessKilled)
        await expectAllOnce(sql, story, disk, `killed ${moment} write ${at}`)
        return crash.died()
      })
      console.log(`killed ${moment} each of ${points} writes`)
      expect(points).toBeGreaterThan(30)
    },
    240_000,
  )

  it.each(['before', 'while', 'after'] as const)(
    '%s any of its requests is carried out loses nothing and doubles nothing',
    async (moment) => {
      const points = await forEachPoint(async (at) => {
        const story = await newStory(sql, table)
        const disk = memoryStorage()
        await makeEdits(story, disk)
        await writeElsewhere(sql, story)
        const crash = crashing(disk, Infinity, 'before')
        let requests = 0
        const fetch: typeof globalThis.fetch = async (...request) => {
          if (++requests !== at) return globalThis.fetch(...request)
          crash.kill()
          const answer = moment === 'before' ? undefined : globalThis.fetch(...request)
          // The server goes on with it while the next process begins.
          if (moment === 'while') answer?.catch(() => {})
          else await (await answer)?.arrayBuffer()
          throw new TypeError('fetch failed')
        }
        await begin(story, crash.storage, fetch)
          .sync.sync()
          .catch((error: unknown) => {
            if (!crash.died()) throw error
          })
        await expectAllOnce(sql, story, disk, `killed ${moment} request ${at}`)
        return crash.died()
      })
      console.log(`killed ${moment} each of ${points} requests`)
      expect(points).toBeGreaterThan(5)
    },
    240_000,
  )

  it.each(['before', 'after'] as const)(
    '%s any write of the edits themselves has each edit with its row, or neither',
    async (moment) => {
      const story = { table, token: '' }
      const edits = 20
      const points = await forEachPoint(async (at) => {
        const disk = memoryStorage()
        const crash = crashing(disk, at, moment)
        let made = 0
        const { rows } = begin(story, crash.storage)
        try {
          for (; made < edits; made++) {
            if (made % 2 === 0) await rows.insert({ id: `row ${made}`, n: made })
            else await rows.update(`row ${made - 1}`, { n: made })
          }
        } catch (error) {
          rethrowUnlessKilled(error)
        }
        const after = begin(story, disk)
        const n = (await after.rows.list()).map((row) => row.n!).toSorted((a, b) => a - b)
        const queued = (await after.sync.queue.list()).map(({ data }) => data!.n)
        expect(queued, `killed ${moment} write ${at}`).toEqual(n)
        // An edit that was reported done is there; the one that was being made may be.
        const last = (n.at(-1) ?? -1) + 1
        expect([made, made + 1], `killed ${moment} write ${at}`).toContain(last)
        return crash.died()
      })
      console.log(`killed ${moment} each of ${points} writes of ${edits} edits`)
      expect(points).toBeGreaterThan(edits)
    },
  )
})
