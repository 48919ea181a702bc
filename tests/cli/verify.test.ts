import { randomUUID } from 'node:crypto'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { device } from '../../client/tests/support/project.ts'
import { connect, createUser, stack, uniqueName, type TestUser } from '../../dev/testing.ts'
import { Shell } from './support/shell.ts'
import { verify } from '../../client/src/integrations/maintenance/index.ts'

const table = uniqueName('verified')
let shell: Shell
let sql: Sql
let user: TestUser

beforeAll(async () => {
  sql = connect()
  user = await createUser()
  shell = await Shell.open()
  await sql.unsafe(`
    create table public.${table} (id uuid primary key, user_id uuid not null default auth.uid(), name text);
    alter table public.${table} enable row level security;
    create policy "own" on public.${table} to authenticated using (user_id = (select auth.uid()));
    select tidemark.add_table('public.${table}', 'user:user_id');
    insert into public.${table} select gen_random_uuid(), '${user.id}', 'x' from generate_series(1, 10)`)
})
afterAll(async () => {
  await sql.unsafe(`select tidemark.remove_table('public.${table}'); drop table public.${table}`)
  await sql.end()
  await shell.close()
})

const runVerify = (user: string): ReturnType<Shell['run']> =>
  shell.run(`npx tidemark verify device.json --json --user ${user} --db-url '${stack().db_url}'`)

it('says which tables of a device are as the database shows them to its user', async () => {
  const { sync } = await device(user, [table])
  await sync.sync()
  await shell.write('device.json', JSON.stringify(await verify(sync, { heal: false })))
  await sync.close()
  const same = await runVerify(user.id)
  expect(JSON.parse(same.out)).toEqual({
    same: true,
    tables: [{ scope: `user:${user.id}`, table, device: 10, database: 10, same: true }],
  })
  expect(same.code).toBe(0)

  await sql.unsafe(
    `update public.${table} set name = 'y' where id = (select min(id::text)::uuid from public.${table})`,
  )
  const other = await runVerify(user.id)
  expect(JSON.parse(other.out)).toMatchObject({ same: false, tables: [{ same: false }] })
  expect(other.code).toBe(1)

  const stranger = await runVerify(randomUUID())
  expect(JSON.parse(stranger.out)).toMatchObject({
    tables: [{ device: 10, database: 0, same: false }],
  })
})

it('takes the answer of sync_verify too, which clients in other languages have', async () => {
  const { data } = await user.client.rpc('sync_verify', { tables: [table] })
  await shell.write('device.json', JSON.stringify(data))
  expect((await runVerify(user.id)).code).toBe(0)
  const [sums] = data as [{ count: number }]
  await shell.write('device.json', JSON.stringify([{ ...sums, count: sums.count + 1 }]))
  const other = await runVerify(user.id)
  expect(JSON.parse(other.out)).toMatchObject({
    same: false,
    tables: [{ device: 11, database: 10 }],
  })
  expect(other.code).toBe(1)
})

it('says what is wrong with a file that holds no checksums', async () => {
  await shell.write('device.json', '{"a": 1}')
  const { code, err } = await runVerify(user.id)
  expect(err).toContain('device.json has no list of {scope, table, count, checksum}')
  expect(code).toBe(1)
})
