import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm, unlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import type { Sql } from 'postgres'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { migrate } from '../migrate.ts'
import { connect, stack, uniqueName } from '../testing.ts'

const project = fileURLToPath(new URL('../..', import.meta.url))

let folder: string
let database: string
let url: string
let sql: Sql

beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-migrate-'))
  database = uniqueName('scratch')
  const owner = connect()
  await owner.unsafe(`create database ${database}`)
  await owner.end()
  url = stack().db_url.replace(/\/postgres$/, `/${database}`)
  sql = connect('postgres', { database })
})

afterEach(async () => {
  await sql.end()
  const owner = connect()
  await owner.unsafe(`drop database ${database} with (force)`)
  await owner.end()
  await rm(folder, { recursive: true })
})

function file(name: string, content: string) {
  return writeFile(join(folder, name), content)
}

describe('migrations', () => {
  it('are applied once, in order, and recorded as the Supabase CLI does', async () => {
    await file('2_second.sql', '-- why\ninsert into t values (1);\ninsert into t values (2);')
    await file('1_first.sql', 'create table t (a int);')
    await file('notes.txt', 'no migration')
    const applied = ['1_first.sql', '2_second.sql']
    expect(await migrate(url, folder)).toEqual({ applied, changed: [] })
    expect(await migrate(url, folder)).toEqual({ applied: [], changed: [] })
    expect([
      ...(await sql`select * from supabase_migrations.schema_migrations order by version`),
    ]).toEqual([
      { version: '1', name: 'first', statements: ['create table t (a int)'] },
      {
        version: '2',
        name: 'second',
        statements: ['insert into t values (1)', 'insert into t values (2)'],
      },
    ])
  })

  it('that fail leave nothing behind, and the error names file and line', async () => {
    await file('1_good.sql', 'create table good ();')
    await file('2_bad.sql', 'create table bad ();\n\n-- here\nselect 1,\n  nowhere;')
    await expect(migrate(url, folder)).rejects.toThrow(
      '2_bad.sql:5: column "nowhere" does not exist (42703)',
    )
    expect([
      ...(await sql`select to_regclass('good')::text as good, to_regclass('bad')::text as bad`),
    ]).toEqual([{ good: 'good', bad: null }])
  })

  it('that were edited or taken away since are told', async () => {
    await file('1_a.sql', 'create table a ();')
    await file('2_b.sql', 'create table b ();')
    await file('3_c.sql', 'create table c ();')
    await migrate(url, folder)
    await file('1_a.sql', '-- only a comment\ncreate table a ();')
    await file('2_b.sql', 'create table b (more int);')
    await unlink(join(folder, '3_c.sql'))
    expect(await migrate(url, folder)).toEqual({ applied: [], changed: ['2_b.sql', '3'] })
  })
})

describe('the Supabase CLI', () => {
  const cli = async (...args: string[]) => {
    const program = join(project, 'node_modules', '.bin', 'supabase')
    const options = { cwd: folder, env: { ...process.env, DO_NOT_TRACK: '1', NO_COLOR: '1' } }
    const { stdout, stderr } = await promisify(execFile)(program, args, options)
    return stdout + stderr
  }
  const push = () => cli('db', 'push', '--yes', '--remote', `${url}?sslmode=disable`)

  beforeEach(async () => {
    await mkdir(join(folder, 'supabase', 'migrations'), { recursive: true })
    await writeFile(join(folder, 'supabase', 'config.toml'), 'project_id = "scratch"\n')
  })

  it('finds nothing to push where this stack has migrated, and the other way round', async () => {
    const ours = join(folder, 'supabase', 'migrations')
    await writeFile(join(ours, '20260101000000_first.sql'), '-- why\ncreate table first ();\n')
    await migrate(url, ours)
    expect(await push()).toContain('up to date')
    await writeFile(
      join(ours, '20260101000001_second.sql'),
      '-- why\ncreate table second ();\n-- end\n',
    )
    expect(await push()).toContain('20260101000001_second.sql')
    expect(await migrate(url, ours)).toEqual({ applied: [], changed: [] })
  })
})
