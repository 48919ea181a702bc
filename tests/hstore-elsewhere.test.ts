import { copyFile, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { migrate } from '../dev/migrate.ts'
import { adminUrl, connect, stack } from '../dev/testing.ts'
import { project } from './support/markdown.ts'

const first = '20261121000100_tidemark_schema.sql'
const name = `hstore_elsewhere_${process.pid}`
const url = stack().db_url.replace(/\/postgres$/, `/${name}`)
const sql = connect()
let folder: string

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-hstore-'))
  await copyFile(join(project, 'supabase/migrations', first), join(folder, first))
  await sql.unsafe(`create database ${name}`)
})
afterAll(async () => {
  await sql.unsafe(`drop database if exists ${name} with (force)`)
  await sql.end()
  await rm(folder, { recursive: true })
})

it('a project with hstore in another schema is told before anything is made, and how to go on', async () => {
  const app = postgres(url, { max: 1, onnotice: () => {} })
  await app.unsafe('create schema extensions; create extension hstore with schema public')
  const refusal = await migrate(url, folder).catch((error: Error) => error.message)
  expect(refusal).toContain('hstore_elsewhere')
  expect(refusal).toContain('(TM017)')
  expect(await app`select from pg_namespace where nspname = 'tidemark'`).toHaveLength(0)

  const [, moving, dropping] = /(alter extension [^;]+;).*(drop extension [^;]+;)/.exec(
    refusal as string,
  )!
  const admin = postgres(adminUrl().replace(/\/postgres$/, `/${name}`), {
    max: 1,
    onnotice: () => {},
  })
  await admin.unsafe(moving!)
  expect(await migrate(url, folder)).toMatchObject({ applied: [first] })
  await admin.end()

  await app.unsafe('drop schema tidemark cascade; drop schema supabase_migrations cascade')
  await app.unsafe(`drop extension hstore; create extension hstore with schema public; ${dropping}`)
  expect(await migrate(url, folder)).toMatchObject({ applied: [first] })
  await app.end()
})
