import { randomUUID } from 'node:crypto'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect, createUser, type TestUser, uniqueName } from '../dev/testing.ts'
import { edge, ok, type Result } from './support/calls.ts'

const DEVICES = 200

const table = uniqueName('crowded')
let sql: Sql
let users: TestUser[]

beforeAll(async () => {
  sql = connect()
  users = await Promise.all(Array.from({ length: 4 }, createUser))
  await sql.unsafe(`
    create table public.${table} (id uuid primary key, user_id uuid not null default auth.uid(), n int not null);
    alter table public.${table} enable row level security;
    create policy "own" on public.${table} to authenticated
      using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
    select tidemark.add_table('public.${table}', 'user:user_id', 'last_write_wins', '{"n": "sum"}');`)
})
afterAll(async () => {
  await sql.unsafe(`select tidemark.remove_table('public.${table}'); drop table public.${table}`)
  await sql.end()
})

it('200 pushes at once are all answered, and every edit counts', async () => {
  const shared = users.map((user) => ({ user, id: randomUUID() }))
  for (const { user, id } of shared)
    await sql`insert into ${sql(table)} (id, user_id, n) values (${id}, ${user.id}, 0)`

  const times: number[] = []
  const answers = await Promise.all(
    Array.from({ length: DEVICES }, async (_, n) => {
      const { user, id } = shared[n % shared.length]!
      const edited_at = new Date().toISOString()
      const own = { op: 'put', id: randomUUID(), base: null, data: { n } }
      // Every device of a user adds one to the same row: they wait for each other, and none is lost.
      const common = { op: 'patch', id, base: 1, data: { n: 1 }, old: { n: 0 } }
      const begun = performance.now()
      const answer = await edge(user.accessToken, 'sync-push', {
        device_id: randomUUID(),
        mutations: [own, common].map((edit, i) => ({ seq: i + 1, table, ...edit, edited_at })),
      })
      times.push(performance.now() - begun)
      return ok<{ results: Result[] }>(answer)
    }),
  )
  const statuses = answers.flatMap(({ results }) => results.map(({ status }) => status))
  expect(statuses.filter((status) => !['applied', 'merged'].includes(status))).toEqual([])
  const sums = await sql<{ n: number }[]>`
    select n from ${sql(table)} where id = any (${shared.map(({ id }) => id)})`
  expect(sums.map(({ n }) => n)).toEqual(shared.map(() => DEVICES / shared.length))

  const [p50, p95] = [0.5, 0.95].map(
    (p) => times.sort((a, b) => a - b)[Math.ceil(p * DEVICES) - 1]!,
  )
  console.log(`${DEVICES} pushes at once: median ${p50!.toFixed(0)} ms, p95 ${p95!.toFixed(0)} ms`)
})
