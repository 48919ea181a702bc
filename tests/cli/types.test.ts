import type { Sql } from 'postgres'
import { format } from 'prettier'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect, stack, uniqueName } from '../../dev/testing.ts'
import { rowTypesOf } from '../../cli/row-types.ts'
import { Shell } from './support/shell.ts'

const table = uniqueName('typed')
let shell: Shell
let sql: Sql

beforeAll(async () => {
  sql = connect()
  shell = await Shell.open()
  await sql.unsafe(`
    create type public.${table}_kind as enum ('one', 'other');
    create table public.${table} (id uuid primary key, name text, n int not null, kind public.${table}_kind)`)
})
afterAll(async () => {
  await sql.unsafe(`drop table public.${table}; drop type public.${table}_kind`)
  await sql.end()
  await shell.close()
})

const check = () =>
  shell.run(`npx tidemark types database.types.ts --json --db-url '${stack().db_url}'`)

/** The part of a generated file that is about this test's table: other tests make tables of their own. */
const ownPart = (source: string): string => {
  const columns = [...rowTypesOf(source).get(table)!].map(([name, type]) => `${name}: ${type}`)
  return `export type Database = { public: { Tables: { ${table}: { Row: {\n${columns.join('\n')}\n} } } } }`
}

it('finds a row type that no longer is as the database has it', async () => {
  const { out, err } = await shell.run(`npx supabase gen types --remote='${stack().db_url}'`)
  expect(out, err).toContain(table)
  for (const file of [
    ownPart(out),
    await format(ownPart(out), { parser: 'typescript', printWidth: 30 }),
  ]) {
    await shell.write('database.types.ts', file)
    const same = await check()
    expect(JSON.parse(same.out), same.err).toEqual({ tables: 1, differences: [] })
    expect(same.code).toBe(0)
  }

  await sql.unsafe(`
    alter table public.${table} add column extra jsonb;
    alter table public.${table} drop column name;
    alter table public.${table} alter column n drop not null`)
  const other = await check()
  expect(JSON.parse(other.out)).toMatchObject({
    differences: expect.arrayContaining([
      { table, column: 'extra', database: 'Json|null' },
      { table, column: 'name', file: 'string|null' },
      { table, column: 'n', file: 'number', database: 'number|null' },
    ]),
  })
  expect(JSON.parse(other.out).differences).toHaveLength(3)
  expect(other.code).toBe(1)
}, 60_000)

it('says so where there is no such file, or none with row types', async () => {
  await shell.write('database.types.ts', 'export {}')
  expect(await check()).toMatchObject({ code: 1, err: expect.stringContaining('has no row types') })
})
