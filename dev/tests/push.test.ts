import { execFile } from 'node:child_process'
import { mkdir, mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { fileURLToPath } from 'node:url'
import { promisify } from 'node:util'
import postgres from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../ports.ts'
import { startStack, type Stack } from '../stack.ts'
import { stack } from '../testing.ts'

const project = fileURLToPath(new URL('../..', import.meta.url))

let folder: string
let empty: Stack

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-push-'))
  const migrationsDir = join(folder, 'none')
  await mkdir(migrationsDir)
  const [port, dbPort] = [await freePort(), await freePort()]
  const dataDir = join(folder, 'data')
  empty = await startStack({ port, dbPort, dataDir, migrationsDir, functions: false })
})

afterAll(async () => {
  await empty.stop()
  await rm(folder, { recursive: true })
})

/** All that the migrations make: functions and tables with their definitions and rights. */
async function catalogue(dbUrl: string) {
  const sql = postgres(dbUrl, { max: 1 })
  const rows = await sql`
    select p.oid::regprocedure::text as name, md5(pg_get_functiondef(p.oid)) as definition,
      p.proacl::text as rights, p.proowner::regrole::text as owner
    from pg_proc p
    where p.prokind = 'f' and (p.pronamespace = to_regnamespace('tidemark') or p.proname like 'sync\\_%')
    union all
    select c.oid::regclass::text,
      (select string_agg(a.attname || ' ' || format_type(a.atttypid, a.atttypmod), ', ' order by a.attname)
        from pg_attribute a where a.attrelid = c.oid and a.attnum > 0),
      c.relacl::text, c.relowner::regrole::text
    from pg_class c
    where c.relnamespace = to_regnamespace('tidemark') and c.relkind in ('r', 'i', 'S', 'v')
    order by 1`
  await sql.end()
  return [...rows]
}

describe('supabase db push', () => {
  it('makes of a new project what this stack makes of it', async () => {
    const program = join(project, 'node_modules', '.bin', 'supabase')
    const target = `${empty.info.db_url}?sslmode=disable`
    const env = { ...process.env, DO_NOT_TRACK: '1', NO_COLOR: '1' }
    await promisify(execFile)(program, ['db', 'push', '--yes', '--remote', target], {
      cwd: project,
      env,
    })
    const pushed = await catalogue(empty.info.db_url)
    expect(pushed.length).toBeGreaterThan(0)
    // The other tests may have made more in there.
    expect(await catalogue(stack().db_url)).toEqual(expect.arrayContaining(pushed))
  })
})
