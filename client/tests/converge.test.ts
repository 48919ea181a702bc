import fc from 'fast-check'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { countToPlay } from '../../dev/full.ts'
import { connect, createUser, type TestUser } from '../../dev/testing.ts'
import type { Fault } from './support/faults.ts'
import { type Device, device, makeTable, rowsInDatabase } from './support/project.ts'

let sql: Sql
let user: TestUser

beforeAll(async () => {
  sql = connect()
  user = await createUser()
})
afterAll(() => sql.end())

const on = { device: fc.nat(2) }
const pick = { ...on, row: fc.nat(9), n: fc.nat(9) }
const step = fc.oneof(
  { weight: 4, arbitrary: fc.record({ do: fc.constant('insert' as const), ...on, n: fc.nat(9) }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('name' as const), ...pick }) },
  { weight: 3, arbitrary: fc.record({ do: fc.constant('phone' as const), ...pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('remove' as const), ...pick }) },
  { weight: 1, arbitrary: fc.record({ do: fc.constant('bad' as const), ...pick }) },
  {
    weight: 4,
    arbitrary: fc.record({
      do: fc.constantFrom('sync' as const, 'push' as const, 'pull' as const),
      ...on,
      faults: fc.array(fc.constantFrom<Fault>('none', 'before', 'after'), { maxLength: 3 }),
    }),
  },
)
type Step = typeof step extends fc.Arbitrary<infer T> ? T : never

async function take(step: Step, { rows, sync, faults }: Device): Promise<void> {
  if (step.do === 'insert') return void (await rows.insert({ n: step.n }))
  if ('faults' in step) {
    faults.next(...step.faults)
    await sync[step.do]().catch(() => {})
    return
  }
  const known = await rows.list()
  const id = known[step.row % known.length]?.id
  if (!id) return
  if (step.do === 'remove') return rows.remove(id)
  if (step.do === 'bad') return void (await rows.update(id, { n: 1000 }))
  await rows.update(id, { [step.do]: String(step.n) })
}

it('whatever three devices do on bad lines, in the end they and the database hold the same rows', async () => {
  const numRuns = countToPlay(25, 10, 'random stories of three devices on bad lines')
  await fc.assert(
    fc.asyncProperty(fc.array(step, { minLength: 5, maxLength: 40 }), async (steps) => {
      const table = await makeTable(sql, 'name text, phone text, n int check (n < 100)')
      const options = { batch: { mutations: 3 }, pageSize: 4, backoff: { retries: 1, base: 1 } }
      const devices = [
        await device(user, [table], { ...options, transport: 'functions' }),
        await device(user, [table], { ...options, transport: 'rpc' }),
        await device(user, [table], options),
      ]
      for (const step of steps) await take(step, devices[step.device]!)
      for (const { faults } of devices) faults.reset()
      for (const { sync } of [...devices, ...devices]) await sync.sync()
      const stored = await rowsInDatabase(sql, table)
      for (const { sync, rows } of devices) {
        expect(await rows.list()).toEqual(stored)
        expect(await sync.queue.stats()).toMatchObject({ pending: 0, sent: 0 })
        const failed = await sync.queue.list({ status: 'failed' })
        for (const { error } of failed)
          expect(['constraint', 'gone', 'not_found']).toContain(error!.code)
        await sync.close()
      }
      await sql.unsafe(
        `select tidemark.remove_table('public.${table}'); drop table public.${table}`,
      )
    }),
    { numRuns, verbose: 1 },
  )
}, 120_000)
