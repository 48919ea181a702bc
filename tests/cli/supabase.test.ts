import { mkdtemp, readdir, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import postgres from 'postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { freePort } from '../../dev/ports.ts'
import { startStack, type Stack } from '../../dev/stack.ts'
import { blocks, project, read } from '../support/markdown.ts'
import { type Ran, Shell } from './support/shell.ts'

/** What the Supabase CLI does without Docker, on a database that holds the migrations and nothing else. */
let shell: Shell
let stack: Stack
let folder: string

beforeAll(async () => {
  shell = await Shell.open()
  folder = await mkdtemp(join(tmpdir(), 'tidemark-supabase-'))
  stack = await startStack({
    port: await freePort(),
    dbPort: await freePort(),
    dataDir: join(folder, 'data'),
    functions: false,
  })
}, 60_000)
afterAll(async () => {
  await stack.stop()
  await rm(folder, { recursive: true })
  await shell.close()
})

async function supabase(command: string): Promise<Ran> {
  const ran = await shell.run(
    `npx supabase --workdir '${project}' ${command} --remote='${stack.info.db_url}'`,
  )
  expect(ran.code, ran.out + ran.err).toBe(0)
  return ran
}

it('the advisors find nothing, neither of security nor of performance', async () => {
  const { out, err } = await supabase('db advisors')
  expect(out + err).toContain('No issues found')
})

it('db push finds every migration applied, once and again', async () => {
  for (let i = 0; i < 2; i++) {
    const { out, err } = await supabase('db push --yes')
    expect(out + err).toContain('Remote database is up to date')
  }
})

it('db push wants --include-all where the project has a later migration, and then applies', async () => {
  const app = await Shell.open()
  await app.write('supabase/config.toml', 'project_id = "app"\n')
  await app.write('supabase/migrations/29990101000000_later.sql', 'create table public.later ();')
  const existing = await startStack({
    port: await freePort(),
    dbPort: await freePort(),
    dataDir: join(folder, 'existing'),
    functions: false,
    migrationsDir: join(app.folder, 'supabase/migrations'),
  })
  try {
    await app.run('npx tidemark init')
    const push = `db push --yes --remote='${existing.info.db_url}'`
    const refused = await app.run(`npx supabase ${push}`)
    expect(refused.code).not.toBe(0)
    expect(refused.out + refused.err).toContain('--include-all')
    const { code, out, err } = await app.run(`npx supabase ${push} --include-all`)
    expect(code, out + err).toBe(0)
    const doctor = await app.run(`npx tidemark doctor --json --db-url '${existing.info.db_url}'`)
    expect(JSON.parse(doctor.out)).toEqual({ findings: [] })
  } finally {
    await existing.stop()
    await app.close()
  }
}, 60_000)

it('migration list shows each of them here and there', async () => {
  const { out } = await supabase('migration list')
  const versions = [...out.matchAll(/\b(\d{14})\b/g)].map(([, version]) => version!)
  const files = await readdir(join(project, 'supabase', 'migrations'))
  expect(files).not.toEqual([])
  expect(versions.sort()).toEqual(
    files
      .flatMap((file) => [file, file])
      .map((file) => file.slice(0, 14))
      .sort(),
  )
})

it('gen types shows the functions that a client calls, and no part of the engine', async () => {
  const { out } = await supabase('gen types')
  expect(out).toMatch(/\bsync_push\b/)
  expect(out).not.toContain('sync_changes')
})

it('what the page about taking Tidemark out says leaves an ordinary table, and nothing else', async () => {
  const [table, takeTable, takeOut] = blocks(read('docs/getting-started.md'), 'sql')
  const sql = postgres(stack.info.db_url, { max: 1, onnotice: () => {} })
  try {
    await sql.unsafe(`
      ${table} select tidemark.add_table('public.notes', 'user:user_id');
      insert into auth.users (id) values (gen_random_uuid());
      insert into public.notes (user_id, body) select id, b from auth.users, unnest('{kept,deleted}'::text[]) b;
      delete from public.notes where body = 'deleted'`)
    await sql.unsafe(takeTable!)
    await sql.unsafe(takeOut!)
    expect(await sql`select body from public.notes`).toEqual([{ body: 'kept' }])
    await sql`delete from public.notes`
    expect(await sql`select from public.notes`).toHaveLength(0)
    const [left] = await sql`
      select to_regnamespace('tidemark') as schema,
        (select count(*)::int from pg_proc where proname like 'sync\\_%') as functions,
        (select count(*)::int from pg_trigger where tgname like 'tidemark%') as triggers,
        (select count(*)::int from pg_policy where polrelid = to_regclass('realtime.messages')) as policies`
    expect(left).toEqual({ schema: null, functions: 0, triggers: 0, policies: 0 })
  } finally {
    await sql.end()
  }
})
