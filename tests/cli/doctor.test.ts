import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import type { Sql } from 'postgres'
import postgres from 'postgres'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { freePort } from '../../dev/ports.ts'
import { nextMigration } from '../../dev/schemas.ts'
import { startStack, type Stack } from '../../dev/stack.ts'
import type { Finding } from '../../cli/doctor/finding.ts'
import { Shell } from './support/shell.ts'

const table = `
create table public.notes (id uuid primary key, user_id uuid not null, place_id uuid, title text);
alter table public.notes enable row level security;
create policy "own notes" on public.notes to authenticated using (user_id = (select auth.uid()));
select tidemark.add_table('public.notes', 'user:user_id');
`

const [version] = nextMigration.split('_')

let shell: Shell
let stack: Stack
let folder: string
let owner: Sql
let admin: Sql

/** A stack of its own: these tests break the project. */
beforeAll(async () => {
  shell = await Shell.open()
  folder = await mkdtemp(join(tmpdir(), 'tidemark-doctor-'))
  await shell.write('supabase/config.toml', 'project_id = "app"\n')
  await shell.run('npx tidemark init')
  await shell.write('supabase/migrations/29990101000000_notes.sql', table)
  const dataDir = join(folder, 'data')
  stack = await startStack({
    port: await freePort(),
    dbPort: await freePort(),
    dataDir,
    migrationsDir: join(shell.folder, 'supabase/migrations'),
  })
  owner = postgres(stack.info.db_url, { max: 1, onnotice: () => {} })
  admin = postgres(await adminUrl(dataDir), { max: 1, onnotice: () => {} })
}, 60_000)
afterAll(async () => {
  await Promise.all([owner.end(), admin.end()])
  await stack.stop()
  await rm(folder, { recursive: true })
  await shell.close()
})

async function adminUrl(dataDir: string): Promise<string> {
  const { default: secrets } = (await import(join(dataDir, 'private.json'), {
    with: { type: 'json' },
  })) as { default: { admin_db_url: string } }
  return secrets.admin_db_url
}

async function examine(more = ''): Promise<Finding[]> {
  const { out, err } = await shell.run(
    `npx tidemark doctor --json --db-url '${stack.info.db_url}' ${more} || true`,
  )
  expect(err).toBe('')
  return (JSON.parse(out) as { findings: Finding[] }).findings
}

const api = (key = stack.info.publishable_key): string => `--url ${stack.info.api_url} --key ${key}`

it('finds nothing in a healthy project, and exits with 0', async () => {
  expect(await examine(api())).toEqual([])
  const { code, out } = await shell.run(
    `npx tidemark doctor --db-url '${stack.info.db_url}' ${api()}`,
  )
  expect(out).toContain('✓ nothing is wrong')
  expect(code).toBe(0)
})

describe('names the fault of a broken project, and its mend mends it', () => {
  /** Mended by the SQL that the finding gives. */
  it.each([
    ['rls_disabled', 'alter table public.notes disable row level security', 'notes'],
    ['trigger_disabled', 'alter table public.notes disable trigger user', 'tidemark_log_update'],
    [
      'policy_without_index',
      `create table public.places (id uuid, owner_id uuid);
       create policy "places" on public.notes for select to authenticated
       using (exists (select from public.places p where p.id = place_id and p.owner_id = user_id))`,
      'places',
    ],
    [
      'no_select_grant',
      'revoke all on public.notes from authenticated',
      'Signed-in users have no rights on notes',
    ],
    [
      'realtime_policy_missing',
      'drop policy "members of a scope hear that it has news" on realtime.messages',
      'listen',
    ],
  ])('%s', async (check, fault, named) => {
    await owner.unsafe(fault)
    const found = (await examine()).filter((finding) => finding.check === check)
    expect(found.length).toBeGreaterThan(0)
    expect(found[0]!.problem).toContain(named)
    for (const { mend } of found) await owner.unsafe(mend)
    expect((await examine()).filter((finding) => finding.check === check)).toEqual([])
    await owner.unsafe(
      'drop policy if exists "places" on public.notes; drop table if exists public.places',
    )
  })

  /** Mended as the finding says in words. */
  it.each([
    [
      'no_select_policy',
      'alter policy "own notes" on public.notes to service_role',
      'alter policy "own notes" on public.notes to authenticated',
    ],
    [
      'policy_calls_per_row',
      'alter policy "own notes" on public.notes using (user_id = auth.uid())',
      'alter policy "own notes" on public.notes using (user_id = (select auth.uid()))',
    ],
    [
      'unique_meets_tombstones',
      'create unique index notes_title on public.notes (title)',
      'drop index public.notes_title',
    ],
    [
      'trigger_passed_by',
      `create function public.tidy() returns trigger language plpgsql as 'begin return null; end';
       create trigger tidy after delete on public.notes for each row execute function public.tidy()`,
      `create trigger tidy_too after update of deleted_at on public.notes for each row
       when (old.deleted_at is null and new.deleted_at is not null) execute function public.tidy()`,
    ],
    [
      'purge_not_scheduled',
      `create schema cron; create table cron.job (command text)`,
      `drop schema cron cascade`,
    ],
    [
      'migration_missing',
      `delete from supabase_migrations.schema_migrations where version = '${version}'`,
      `insert into supabase_migrations.schema_migrations (version) values ('${version}')`,
    ],
  ])('%s', async (check, fault, mend) => {
    await admin.unsafe(fault)
    expect((await examine()).map((finding) => finding.check)).toEqual([check])
    await admin.unsafe(mend)
    expect(await examine()).toEqual([])
  })

  it('migration_missing and function_missing in the folder, and file_changed', async () => {
    await shell.run(`
      rm supabase/migrations/${nextMigration} supabase/functions/sync/index.ts
      echo '// mine' >> supabase/functions/sync-pull/index.ts`)
    const checks = (await examine()).map((finding) => finding.check)
    expect(checks).toEqual(['migration_missing', 'function_missing', 'file_changed'])
    await shell.run('npx tidemark init --force')
    expect(await examine()).toEqual([])
  })

  it('config_missing', async () => {
    await shell.write('supabase/config.toml', 'project_id = "app"\n')
    expect((await examine()).map((finding) => finding.check)).toEqual(['config_missing'])
    await shell.run('npx tidemark init')
    expect(await examine()).toEqual([])
  })

  it('table_never_added', async () => {
    await shell.write('src/app.ts', `createSync({ supabase, tables: ['notes', 'photos'] })`)
    const [finding] = await examine()
    expect(finding).toMatchObject({
      check: 'table_never_added',
      problem: 'src/app.ts asks createSync for the table "photos", which is not synced.',
      mend: 'npx tidemark add photos && npx supabase db push',
    })
    await shell.run('rm -r src')
  })

  it('not_installed', async () => {
    await owner.unsafe('create database bare')
    const { out } = await shell.run(
      `npx tidemark doctor --json --db-url '${stack.info.db_url.replace(/\/postgres$/, '/bare')}' || true`,
    )
    expect((JSON.parse(out) as { findings: Finding[] }).findings).toMatchObject([
      { check: 'not_installed' },
    ])
    await owner.unsafe('drop database bare')
  })

  it('wrong_key, secret_key, no_answer, function_not_deployed', async () => {
    expect(await examine(api('sb_publishable_wrong'))).toMatchObject([{ check: 'wrong_key' }])
    expect(await examine(api(stack.info.secret_key))).toMatchObject([{ check: 'secret_key' }])
    expect(await examine(`--url http://127.0.0.1:${await freePort()} --key x`)).toMatchObject([
      { check: 'no_answer' },
    ])
    const bare = await startStack({
      port: await freePort(),
      dbPort: await freePort(),
      dataDir: join(folder, 'bare'),
      functions: false,
      migrationsDir: join(shell.folder, 'supabase/migrations'),
    })
    try {
      const { publishable_key, api_url } = bare.info
      const findings = await examine(`--url ${api_url} --key ${publishable_key}`)
      expect(findings.map(({ check, mend }) => [check, mend])).toEqual(
        ['sync', 'sync-push', 'sync-pull'].map((name) => [
          'function_not_deployed',
          `npx supabase functions deploy ${name}`,
        ]),
      )
    } finally {
      await bare.stop()
    }
  })

  it('a database that does not answer, with exit code 2', async () => {
    const port = await freePort()
    const { code, err } = await shell.run(
      `npx tidemark doctor --db-url postgresql://postgres@127.0.0.1:${port}/postgres`,
    )
    expect(err).toMatch(`error: no_database: no database at 127.0.0.1:${port}`)
    expect(code).toBe(2)
  })
})
