import { join } from 'node:path'
import postgres from 'postgres'
import { afterAll, beforeEach, expect, it } from 'vitest'
import { migrate } from '../dev/migrate.ts'
import { adminUrl, connect, stack } from '../dev/testing.ts'
import { project } from './support/markdown.ts'

const migrations = join(project, 'supabase', 'migrations')
const name = `hstore_elsewhere_${process.pid}`
const sql = connect()

const on = (url: string) => url.replace(/\/postgres$/, `/${name}`)
const drop = () => sql.unsafe(`drop database if exists ${name} with (force)`)

/** Runs statements in the database, as its owner or as the superuser. */
async function run(url: string, statements: string) {
  const connection = postgres(on(url), { max: 1, onnotice: () => {} })
  try {
    return await connection.unsafe(statements)
  } finally {
    await connection.end()
  }
}

beforeEach(async () => {
  await drop()
  await sql.unsafe(`create database ${name}`)
  await run(
    stack().db_url,
    `create schema auth;
     create function auth.uid() returns uuid language sql stable as 'select null::uuid';
     create schema extensions;
     create extension hstore with schema public`,
  )
})
afterAll(async () => {
  await drop()
  await sql.end()
})

it.each([
  ['moves the extension', /alter extension [^;]+;/, () => adminUrl()],
  ['drops it', /drop extension [^;]+;/, () => stack().db_url],
])(
  'a project with hstore in another schema is told before anything is made, and how to go on: it %s',
  async (_, advice, as) => {
    const refusal = await migrate(on(stack().db_url), migrations).catch(
      (error: Error) => error.message,
    )
    expect(refusal).toContain('hstore_elsewhere')
    expect(refusal).toContain('(TM017)')
    expect(
      await run(stack().db_url, `select from pg_namespace where nspname = 'tidemark'`),
    ).toHaveLength(0)

    await run(as(), advice.exec(refusal as string)![0])
    const { applied } = await migrate(on(stack().db_url), migrations)
    expect(applied).not.toEqual([])
    expect(
      await run(stack().db_url, `select from pg_namespace where nspname = 'tidemark'`),
    ).toHaveLength(1)
  },
)
