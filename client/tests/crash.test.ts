import 'fake-indexeddb/auto'
import { execFile } from 'node:child_process'
import { randomUUID } from 'node:crypto'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { DatabaseSync } from 'node:sqlite'
import { fileURLToPath } from 'node:url'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { countToPlay, full, leaveOut } from '../../dev/full.ts'
import { testSeed } from '../../dev/seed.ts'
import { connect } from '../../dev/testing.ts'
import {
  indexedDbStorage,
  localStorageStorage,
  memoryStorage,
  sqliteStorage,
  syncSqlite,
  type SyncStorage,
  type WebStorage,
} from '../src/index.ts'
import { expectAllOnce } from './support/all-once.ts'
import { crashing, isKilled, Killed } from './support/crash.ts'
import type { Fate } from './support/dying-process.ts'
import {
  begin,
  countingTable,
  EDITS,
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

/**
 * Runs `attempt` for every point from 1 on, or every so many, a few at a time, until one of them says that
 * there was no such point. Resolves to how many there were.
 */
async function forEachPoint(attempt: (at: number) => Promise<boolean>, every = 1): Promise<number> {
  const together = 4
  for (let done = 0; ; done += together) {
    const points = Array.from({ length: together }, (_, n) => 1 + (done + n) * every)
    const died = await Promise.all(points.map(attempt))
    if (!died.every(Boolean)) return done + died.indexOf(false)
    expect(done).toBeLessThan(500)
  }
}

const rethrowUnlessKilled = (error: unknown): void => {
  if (!isKilled(error)) throw error
}

/** Which storage writes a process dies at: each, or one in so many. */
function everyWrite(inFull: number, otherwise: number): number {
  if (full) return inFull
  leaveOut(`storage writes to die at: one in ${otherwise} is played instead of one in ${inFull}`)
  return otherwise
}

const newDatabase = (): SyncStorage => indexedDbStorage(randomUUID())

describe(`a process that dies in a sync of ${EDITS} edits`, () => {
  it.each([
    ['before', 'memory', memoryStorage, everyWrite(1, 5)],
    ['after', 'memory', memoryStorage, everyWrite(1, 5)],
    ['before', 'IndexedDB', newDatabase, everyWrite(3, 20)],
    ['after', 'IndexedDB', newDatabase, everyWrite(3, 20)],
  ] as const)(
    '%s any write to its storage (%s) loses nothing and doubles nothing',
    async (moment, _, newDisk, every) => {
      const points = await forEachPoint(async (at) => {
        const story = await newStory(sql, table)
        const disk = newDisk()
        await makeEdits(story, disk)
        await writeElsewhere(sql, story)
        const crash = crashing(disk, at, moment)
        await begin(story, crash.storage).sync.sync().catch(rethrowUnlessKilled)
        await expectAllOnce(sql, story, disk, `killed ${moment} write ${at}`)
        return crash.died()
      }, every)
      console.log(`killed ${moment} ${points} writes, ${every === 1 ? 'each' : `one in ${every}`}`)
      expect(points).toBeGreaterThan(30 / every)
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

describe('a process that is killed (SIGKILL), on a SQLite file', () => {
  const program = fileURLToPath(new URL('support/dying-process.ts', import.meta.url))
  const open = (file: string): SyncStorage => sqliteStorage(syncSqlite(new DatabaseSync(file)))

  /** Runs it until it ends, or is killed from outside after `ms`. Resolves to the signal it died of. */
  const run = (fate: Fate, ms?: number): Promise<string | null> =>
    new Promise((resolve, reject) => {
      const child = execFile(process.execPath, [program, JSON.stringify(fate)], (_, out, err) => {
        clearTimeout(timer)
        if (child.signalCode === null && child.exitCode !== 0) reject(new Error(`${out}\n${err}`))
        else resolve(child.signalCode)
      })
      const timer = ms === undefined ? undefined : setTimeout(() => child.kill('SIGKILL'), ms)
    })

  async function killed(folder: string, at: number, moment: Fate['moment'], ms?: number) {
    const story = await newStory(sql, table)
    const file = join(folder, `${story.user}.db`)
    await makeEdits(story, open(file))
    await writeElsewhere(sql, story)
    const signal = await run({ story, file, at, moment }, ms)
    const when = ms === undefined ? `killed ${moment} write ${at}` : `killed after ${ms} ms`
    await expectAllOnce(sql, story, open(file), when)
    return signal
  }

  it('at writes throughout a sync, or at any time, it loses nothing and doubles nothing', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-crash-'))
    const seed = testSeed()
    console.log(`kills at random times: TIDEMARK_SEED=${seed}`)
    try {
      let deaths = 0
      const step = everyWrite(8, 24)
      for (let at = 1; ; at += step) {
        const signals = await Promise.all([
          killed(folder, at, 'before'),
          killed(folder, at + step / 2, 'after'),
        ])
        if (!signals.every((signal) => signal === 'SIGKILL')) break
        deaths += 2
      }
      const atRandom = countToPlay(6, 3, 'processes that are killed at a random time')
      for (let n = 1; n <= atRandom; n++) {
        // Starting takes a process some 300 ms, a sync as much again.
        const ms = 200 + ((seed * n * 7919) % 600)
        if ((await killed(folder, 0, 'before', ms)) === 'SIGKILL') deaths++
      }
      console.log(`killed ${deaths} processes`)
      expect(deaths).toBeGreaterThan(full ? 6 : 3)
    } finally {
      await rm(folder, { recursive: true })
    }
  }, 240_000)
})

describe('a process that dies on localStorage', () => {
  /** An area that a process stops writing to at item number `at`, in the middle of a transaction too. */
  function dyingArea(items: Map<string, string>, at: number) {
    let writes = 0
    const step = (): void => {
      if (++writes >= at) throw new Killed()
    }
    const area: WebStorage = {
      get length() {
        return items.size
      },
      key: (place) => [...items.keys()][place] ?? null,
      getItem: (key) => items.get(key) ?? null,
      setItem(key, value) {
        step()
        items.set(key, value)
      },
      removeItem(key) {
        step()
        items.delete(key)
      },
    }
    return { area, died: () => writes >= at }
  }

  it('between any two items it writes leaves whole transactions', async () => {
    const edits = 6
    const points = await forEachPoint(async (at) => {
      const items = new Map<string, string>()
      const dying = dyingArea(items, at)
      let made = 0
      const { rows } = begin({ table, token: '' }, localStorageStorage('app', { area: dying.area }))
      try {
        for (; made < edits; made++) {
          if (made % 2 === 0) await rows.insert({ id: `row ${made}`, n: made })
          else await rows.update(`row ${made - 1}`, { n: made })
        }
      } catch (error) {
        rethrowUnlessKilled(error)
      }
      const after = begin(
        { table, token: '' },
        localStorageStorage('app', { area: dyingArea(items, Infinity).area }),
      )
      const n = (await after.rows.list()).map((row) => row.n!).toSorted((a, b) => a - b)
      const queued = (await after.sync.queue.list()).map(({ data }) => data!.n)
      expect(queued, `killed at item ${at}`).toEqual(n)
      expect([made, made + 1], `killed at item ${at}`).toContain((n.at(-1) ?? -1) + 1)
      return dying.died()
    })
    console.log(`killed at each of ${points} items`)
    expect(points).toBeGreaterThan(2 * edits)
  })
})
