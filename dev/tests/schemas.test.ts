import { cp, mkdtemp, readFile, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { type Catalogue, compareCatalogues, readCatalogue } from '../catalogue.ts'
import { migrate } from '../migrate.ts'
import { root } from '../root.ts'
import { readSchemas, schemasDir } from '../schemas.ts'
import { connect, stack, uniqueName } from '../testing.ts'

/** What a project has before its first migration, for a database of its own on a server that has the roles. */
const project = `
  create schema extensions;
  grant usage on schema extensions to anon, authenticated, service_role;
  create schema auth;
  grant usage on schema auth to anon, authenticated, service_role;
  create function auth.uid() returns uuid language sql stable
    as $$ select nullif(current_setting('request.jwt.claims', true), '')::uuid $$;
  create schema realtime;
  create table realtime.messages (topic text, extension text);
  create function realtime.topic() returns text language sql stable as $$ select 'none' $$;
  alter default privileges in schema public grant all on tables to anon, authenticated, service_role;
  alter default privileges in schema public grant all on functions to anon, authenticated, service_role;
  alter default privileges in schema public grant all on sequences to anon, authenticated, service_role`

const template = uniqueName('schemas')
const made: string[] = []
let server: Sql
let schemas: string
let schemasCatalogue: Catalogue

beforeAll(async () => {
  server = connect()
  await server.unsafe(`create database ${template}`)
  await within(template, (sql) => sql.unsafe(project))
  schemas = await build(schemasDir)
  schemasCatalogue = await within(schemas, readCatalogue)
})
afterAll(async () => {
  for (const name of [...made, template])
    await server.unsafe(`drop database if exists ${name} with (force)`)
  await server.end()
})

async function within<T>(database: string, run: (sql: Sql) => Promise<T>): Promise<T> {
  const sql = connect('postgres', { database, max: 1 })
  try {
    return await run(sql)
  } finally {
    await sql.end()
  }
}

async function copyOf(database: string): Promise<string> {
  const name = `${template}_${made.length}`
  made.push(name)
  await server.unsafe(`create database ${name} template ${database}`)
  return name
}

/** A database made of a folder of schemas. */
async function build(folder: string): Promise<string> {
  const database = await copyOf(template)
  await within(database, async (sql) => {
    for (const file of await readSchemas(folder)) await sql.unsafe(file.sql)
  })
  return database
}

async function differences(database: string): Promise<string[]> {
  const catalogue = await within(database, readCatalogue)
  return compareCatalogues(['the schemas', schemasCatalogue], ['the migrations', catalogue])
}

it('all migrations together give what the schemas say', async () => {
  const database = await copyOf(template)
  await migrate(
    stack().db_url.replace(/\/postgres$/, `/${database}`),
    join(root, 'supabase', 'migrations'),
  )
  const found = await differences(database)
  expect(
    found,
    `run "npm run build:migrations": supabase/migrations is not what supabase/schemas says\n  ${found.join('\n  ')}`,
  ).toEqual([])
})

it('every file opens with what it is for, in at most 450 lines of 120 columns', async () => {
  for (const { name, sql } of await readSchemas()) {
    const lines = sql.split('\n')
    expect(lines[0], name).toMatch(/^-- /)
    expect(lines.length, name).toBeLessThanOrEqual(450)
    expect(
      lines.filter((line) => line.length > 120),
      name,
    ).toEqual([])
  }
})

it('every table, view, type and function that is called from outside says in the catalogue what it is', () => {
  const outside =
    /^(table|view|type) tidemark\.|^function (sync_|tidemark\.(add|remove|purge|schedule|health|enable))/
  const objects = [...schemasCatalogue].filter(([object]) => outside.test(object))
  expect(objects.length).toBeGreaterThan(30)
  expect(objects.filter(([, has]) => !has.has('comment')).map(([object]) => object)).toEqual([])
})

describe('the comparison', () => {
  it('looks at all that the schemas make', () => {
    const kinds = new Set([...schemasCatalogue.keys()].map((object) => object.split(' ')[0]))
    for (const kind of ['schema', 'extension', 'function', 'type', 'table', 'view', 'index'])
      expect(kinds).toContain(kind)
    for (const kind of ['sequence', 'column', 'constraint', 'trigger', 'policy', 'default'])
      expect(kinds).toContain(kind)
    expect(schemasCatalogue.get('function sync_push(uuid,json,json)')?.get('grants')).toContain(
      'authenticated=X/postgres',
    )
  })

  it('names what one changed file changes', async () => {
    const folder = await mkdtemp(join(tmpdir(), 'tidemark-schemas-'))
    try {
      await cp(schemasDir, folder, { recursive: true })
      const file = join(folder, '020_settings.sql')
      const text = await readFile(file, 'utf8')
      await writeFile(file, text.replace('default 10000', 'default 20000'))
      expect(await differences(await build(folder))).toEqual([
        'column tidemark.settings.max_mutations: default: "10000" in the schemas, "20000" in the migrations',
      ])
    } finally {
      await rm(folder, { recursive: true })
    }
  })

  it.each([
    [
      'create function tidemark.more() returns int language sql as $$ select 1 $$',
      'function tidemark.more(): only in the migrations',
    ],
    [
      'drop function tidemark.purge(interval)',
      'function tidemark.purge(interval): only in the schemas',
    ],
    ['alter function tidemark.epoch() volatile', 'function tidemark.epoch(): volatility: "s"'],
    [
      'alter function tidemark.epoch() security invoker',
      'function tidemark.epoch(): security: "definer"',
    ],
    [
      `alter function tidemark.epoch() set search_path = ''`,
      'function tidemark.epoch(): settings: ',
    ],
    ['grant execute on function tidemark.epoch() to anon', 'function tidemark.epoch(): grants: '],
    [
      `comment on function public.sync_push is 'else'`,
      'function sync_push(uuid,json,json): comment: ',
    ],
    [`alter type tidemark.change_op add value 'more'`, 'type tidemark.change_op: labels: '],
    [
      'alter type tidemark.change add attribute more int',
      'column tidemark.change.more: only in the migrations',
    ],
    [
      'alter table tidemark.sync_devices alter column name set not null',
      'column tidemark.sync_devices.name: not null: "false"',
    ],
    [
      `comment on column tidemark.settings.epoch is 'else'`,
      'column tidemark.settings.epoch: comment: ',
    ],
    [
      'alter table tidemark.settings drop constraint limits_are_positive',
      'constraint limits_are_positive on tidemark.settings: only in the schemas',
    ],
    [
      'create index more on tidemark.sync_devices (name)',
      'index tidemark.more: only in the migrations',
    ],
    [
      'alter table tidemark.sync_changes disable trigger poke',
      'trigger poke on tidemark.sync_changes: enabled: "O"',
    ],
    [
      'alter table tidemark.settings disable row level security',
      'table tidemark.settings: row level security: "t, f"',
    ],
    [
      'alter policy "closed to everybody but the owner" on tidemark.settings to anon',
      'policy "closed to everybody but the owner" on tidemark.settings: roles: "public"',
    ],
    ['grant select on tidemark.settings to anon', 'table tidemark.settings: grants: '],
    [
      'alter view tidemark.live_tables reset (security_invoker)',
      'view tidemark.live_tables: options: "{security_invoker=true}"',
    ],
    [
      'alter default privileges in schema tidemark grant execute on functions to anon',
      'default privileges of postgres for f in tidemark: only in the migrations',
    ],
    ['create extension citext with schema extensions', 'extension citext: only in the migrations'],
  ])('sees %s', async (statement, difference) => {
    const database = await copyOf(schemas)
    await within(database, (sql) => sql.unsafe(statement))
    const found = await differences(database)
    expect(
      found.some((line) => line.startsWith(difference)),
      found.join('\n'),
    ).toBe(true)
  })
})
