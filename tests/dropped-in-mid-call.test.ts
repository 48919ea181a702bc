import type { Sql } from 'postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { makeTable } from '../client/tests/support/project.ts'
import { connect, createUser, type TestUser } from '../dev/testing.ts'

let sql: Sql
let user: TestUser

beforeAll(async () => {
  sql = connect()
  user = await createUser()
})
afterAll(() => sql.end({ timeout: 1 }))

/** Calls while the first table is locked, and drops both before the call comes to read either. */
async function whileDropped(
  [first, second]: readonly [string, string],
  call: () => PromiseLike<unknown>,
): Promise<unknown> {
  const other = connect()
  let answer: Promise<unknown> | undefined
  await other.begin(async (transaction) => {
    await transaction.unsafe(`drop table public.${first}`)
    answer = Promise.resolve(call())
    await expect
      .poll(
        async () =>
          (
            await sql`select from pg_locks where relation = ${`public.${first}`}::regclass and not granted`
          ).length,
        { timeout: 10_000 },
      )
      .toBe(1)
    await sql.unsafe(`drop table public.${second}`)
  })
  await other.end()
  return answer
}

it('a pull does without tables that are dropped meanwhile', async () => {
  const tables = [await makeTable(sql), await makeTable(sql), await makeTable(sql)] as const
  const rest = tables[2]
  await sql`insert into public.${sql(rest)} (user_id, name) values (${user.id}, 'stays')`
  const device_id = crypto.randomUUID()
  const answer = await whileDropped([tables[0], tables[1]], () =>
    user.client.rpc('sync_pull', { device_id, options: { tables } }),
  )
  expect(answer).toMatchObject({
    error: null,
    data: { changes: [{ table: rest, upsert: [{ name: 'stays' }] }] },
  })
})

it('a push says of each edit of such a table that it is not synced, and applies the others', async () => {
  const tables = [await makeTable(sql), await makeTable(sql), await makeTable(sql)] as const
  const mutations = tables.map((table, i) => ({
    seq: i + 1,
    table,
    op: 'put',
    id: crypto.randomUUID(),
    base: null,
    data: { name: 'new', user_id: user.id },
  }))
  const device_id = crypto.randomUUID()
  const answer = await whileDropped([tables[0], tables[1]], () =>
    user.client.rpc('sync_push', { device_id, mutations }),
  )
  const unknown = { status: 'rejected', error: { code: 'unknown_table' } }
  expect(answer).toMatchObject({
    error: null,
    data: { results: [unknown, unknown, { status: 'applied' }] },
  })
})
