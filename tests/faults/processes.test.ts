import { setTimeout } from 'node:timers/promises'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { PartName } from '../../dev/stack.ts'
import { connect, createUser, type TestUser } from '../../dev/testing.ts'
import { ownProject } from '../support/own-project.ts'
import { failures, load } from './load.ts'

let project: Awaited<ReturnType<typeof ownProject>>
let sql: Sql
let user: TestUser

beforeAll(async () => {
  project = await ownProject()
  sql = connect()
  user = await createUser()
}, 120_000)
afterAll(async () => {
  await sql?.end({ timeout: 1 })
  await project?.end()
})

describe('under load, a part of the server is killed', () => {
  it.each(['Postgres', 'the gateway', 'Deno'] satisfies PartName[])(
    '%s: clients go on by themselves, nothing is lost and nothing doubled',
    async (part) => {
      const running = await load(sql, user, { retries: 0 })
      const met = failures(running)
      // It is started again so quickly that one kill may go unnoticed. It is given up after 5 of them.
      for (let round = 0; round < 2 || (met.length === 0 && round < 5); round++) {
        await expect
          .poll(() => running.edits(), { timeout: 30_000 })
          .toBeGreaterThan(60 * (round + 1))
        const pid = project.pid(part)!
        process.kill(pid, 'SIGKILL')
        await expect
          .poll(() => project.pid(part) ?? pid, { timeout: 30_000, interval: 20 })
          .not.toBe(pid)
        await setTimeout(300)
      }
      expect(met.length, 'failures that clients met').toBeGreaterThan(0)
      await running.settle()
    },
    180_000,
  )
})
