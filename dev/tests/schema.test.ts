import { afterAll, describe, expect, it } from 'vitest'
import { anonClient, connect, createUser, secretClient, uniqueName } from '../testing.ts'

const sql = connect()
afterAll(() => sql.end())

/** Who may do what with each object. Other tests make and drop objects meanwhile, theirs are left out. */
async function grants() {
  const rows = await sql<{ object: string; acl: string | null }[]>`
    select 'table ' || oid::regclass as object, relacl::text as acl from pg_class
      where relnamespace::regnamespace::text in ('public', 'auth', 'extensions', 'tidemark')
    union all
    select 'schema ' || nspname, nspacl::text from pg_namespace where nspname not like 'pg_temp%'
    union all
    select concat_ws(' ', 'default', defaclrole::regrole, defaclnamespace::regnamespace, defaclobjtype),
      defaclacl::text from pg_default_acl`
  return Object.fromEntries(
    rows
      .filter(({ object }) => !/_[0-9a-f]{8}|tidemark_scope_/.test(object))
      .map(({ object, acl }) => [object, acl]),
  )
}

describe('serving requests', () => {
  it('grants nobody anything', async () => {
    const table = uniqueName('closed')
    await sql.unsafe(`
      create table public.${table} (id int primary key);
      alter table public.${table} enable row level security;
      revoke all on public.${table} from anon, authenticated;
    `)
    const acl = async () =>
      (await sql`select relacl::text as acl from pg_class where relname = ${table}`)[0]?.acl
    try {
      const [before, closed] = [await grants(), await acl()]
      const { client } = await createUser()
      for (const caller of [anonClient(), client, secretClient()]) {
        await caller.from(table).select()
        await caller.from(table).insert({ id: 1 })
        await caller.rpc(table)
      }
      const refused = await client.from(table).select()
      expect(refused).toMatchObject({ status: 403, error: { code: '42501' } })
      expect(await grants()).toEqual(before)
      expect(await acl()).toBe(closed)
    } finally {
      await sql.unsafe(`drop table public.${table}`)
    }
  })
})

describe('the API', () => {
  it('notices new, changed and dropped tables', async () => {
    const table = uniqueName('late')
    const client = secretClient()
    expect((await client.from(table).select()).status).toBe(404)
    await sql.unsafe(`create table public.${table} (id int primary key)`)
    expect((await client.from(table).select()).status).toBe(200)
    await sql.unsafe(`alter table public.${table} add column more text`)
    await expect
      .poll(async () => (await client.from(table).insert({ id: 1, more: 'x' })).status)
      .toBe(201)
    await sql.unsafe(`drop table public.${table}`)
    await expect.poll(async () => (await client.from(table).select()).status).toBe(404)
  })

  it('notices new, changed and dropped functions', async () => {
    const name = uniqueName('late')
    const client = secretClient()
    expect((await client.rpc(name, { a: 1 })).status).toBe(404)
    await sql.unsafe(`create function public.${name}(a int) returns int language sql as 'select a'`)
    expect((await client.rpc(name, { a: 1 })).data).toBe(1)
    await sql.unsafe(`
      drop function public.${name}(int);
      create function public.${name}(a int, b int) returns int language sql as 'select a + b'`)
    await expect.poll(async () => (await client.rpc(name, { a: 1, b: 2 })).data).toBe(3)
    await sql.unsafe(`drop function public.${name}(int, int)`)
    await expect.poll(async () => (await client.rpc(name, { a: 1, b: 2 })).status).toBe(404)
  })
})

describe('the project', () => {
  it('is owned by a role that is no superuser, as on hosted Supabase', async () => {
    const [role] = await sql`
      select rolsuper, rolcreaterole, rolbypassrls, current_user as name from pg_roles where rolname = current_user`
    expect(role).toEqual({
      rolsuper: false,
      rolcreaterole: true,
      rolbypassrls: true,
      name: 'postgres',
    })
  })

  it('grants new public objects to the API’s roles, as hosted Supabase does', async () => {
    const table = uniqueName('open')
    await sql.unsafe(`create table public.${table} (id int)`)
    const [row] = await sql`
      select has_table_privilege('anon', ${`public.${table}`}, 'select, insert, update, delete, truncate') as anon`
    await sql.unsafe(`drop table public.${table}`)
    expect(row).toEqual({ anon: true })
  })

  it('knows who asks by either form of the claims', async () => {
    const id = crypto.randomUUID()
    const rows = await sql.begin(async (transaction) => {
      await transaction`select set_config('request.jwt.claims', ${JSON.stringify({ sub: id, role: 'authenticated', email: 'a@b.c' })}, true)`
      return transaction`select auth.uid() as id, auth.role() as role, auth.email() as email`
    })
    expect([...rows]).toEqual([{ id, role: 'authenticated', email: 'a@b.c' }])
    const none = await sql`select auth.uid() as id, auth.jwt() as jwt`
    expect([...none]).toEqual([{ id: null, jwt: null }])
  })
})
