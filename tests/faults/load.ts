import { setTimeout } from 'node:timers/promises'
import type { Sql } from 'postgres'
import { expect } from 'vitest'
import {
  type Device,
  device,
  makeTable,
  rowsInDatabase,
} from '../../client/tests/support/project.ts'
import type { SyncError } from '../../client/src/index.ts'
import type { TestUser } from '../../dev/testing.ts'

/** Several devices of a user that write without a pause and sync by their own schedule. */
export interface Load {
  table: string
  devices: Device[]
  /** How many edits were made so far. */
  edits(): number
  /** Ends the writing, waits until all is sent and received, and compares every device with the database. */
  settle(): Promise<void>
}

/** The server cannot be reached or asks for patience; how long is what the test decides. An answer may get lost. */
const quick = { backoff: { retries: 2, base: 20, cap: 100 }, interval: 100, timeout: 15_000 }

/** Without `retries` every request that fails is told, not only those that fail again and again. */
export async function load(
  sql: Sql,
  user: TestUser,
  { count = 3, retries = quick.backoff.retries } = {},
): Promise<Load> {
  const table = await makeTable(sql)
  const devices = await Promise.all(
    Array.from({ length: count }, () =>
      device(user, [table], { mode: 'periodic', ...quick, backoff: { ...quick.backoff, retries } }),
    ),
  )
  /** What the database must hold in the end: a row, and how often it was edited. */
  const ledger = new Map<string, { n: number; edits: number }>()
  let edits = 0
  let writing = true
  const writers = devices.map(async ({ rows, sync }, place) => {
    sync.start()
    const mine: string[] = []
    for (let n = 0; writing; n++) {
      const old = mine[n % 7]
      if (old === undefined || n % 3 > 0) {
        const { id } = await rows.insert({ name: `device ${place}`, n })
        mine.push(id)
        ledger.set(id, { n, edits: 1 })
      } else {
        await rows.update(old, { n })
        ledger.set(old, { n, edits: ledger.get(old)!.edits + 1 })
      }
      edits++
      await setTimeout(15)
    }
  })

  return {
    table,
    devices,
    edits: () => edits,
    async settle() {
      writing = false
      await Promise.all(writers)
      // By themselves: no call of sync() here.
      await expect
        .poll(
          async () => {
            const stats = await Promise.all(devices.map(({ sync }) => sync.queue.stats()))
            return stats.map(({ pending, sent }) => pending + sent)
          },
          { timeout: 60_000, interval: 100 },
        )
        .toEqual(devices.map(() => 0))
      const stored = await rowsInDatabase(sql, table)
      await expect
        .poll(
          async () =>
            (await Promise.all(devices.map(({ rows }) => rows.list()))).map((l) => l.length),
          { timeout: 60_000, interval: 100 },
        )
        .toEqual(devices.map(() => stored.length))
      for (const { sync } of devices) sync.stop()

      expect(Object.fromEntries(stored.map(({ id, n }) => [id, n]))).toEqual(
        Object.fromEntries([...ledger].map(([id, { n }]) => [id, n])),
      )
      // An edit that was applied twice would have counted the version on once more.
      for (const { id, version } of stored)
        expect(version as number).toBeLessThanOrEqual(ledger.get(id as string)!.edits)
      for (const { rows, sync } of devices) {
        await sync.sync()
        expect(await rows.list()).toEqual(stored)
        expect(await sync.queue.list({ status: 'failed' })).toEqual([])
        await sync.close()
      }
    },
  }
}

/** Errors that the devices meet from now on. A fault that nobody noticed shows nothing. */
export function failures(running: Load): SyncError[] {
  const met: SyncError[] = []
  for (const { sync } of running.devices) sync.on('sync_error', (error) => void met.push(error))
  return met
}

/** Each code once, in order. */
export const codesOf = (met: readonly SyncError[]): string[] =>
  [...new Set(met.map(({ code }) => code))].toSorted()
