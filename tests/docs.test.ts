import { execFile } from 'node:child_process'
import { existsSync, readdirSync } from 'node:fs'
import { mkdir, mkdtemp, rm, symlink, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { dirname, join } from 'node:path'
import { promisify } from 'node:util'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { CLI_CODES } from '../cli/errors.ts'
import { connect, createUser, stack, uniqueName } from '../dev/testing.ts'
import {
  CALL_CODES,
  FUNCTION_CODES,
  RESULT_CODES,
} from '../supabase/functions/_tidemark/constants.ts'
import { features } from '../client/features.ts'
import { blocks, localLinks, project, read } from './support/markdown.ts'

const readme = read('README.md')
const run = promisify(execFile)

let sql: Sql
let folder: string

beforeAll(async () => {
  sql = connect()
  // A folder that looks to the README's snippets like this one beside a running stack.
  folder = await mkdtemp(join(tmpdir(), 'tidemark-docs-'))
  await mkdir(join(folder, '.tidemark'))
  await writeFile(join(folder, '.tidemark', 'stack.json'), JSON.stringify(stack()))
  for (const part of ['client', 'node_modules', 'package.json'])
    await symlink(join(project, part), join(folder, part))
})
afterAll(async () => {
  await rm(folder, { recursive: true, force: true })
  await sql.end()
})

describe('the README', () => {
  it('names the commands as they are to be typed', () => {
    const commands = blocks(readme, 'sh').join('')
    expect(commands).toContain('npm ci && npm start\n')
    expect(commands).toContain('npm ci && npm test\n')
    const { scripts } = JSON.parse(read('package.json')) as { scripts: Record<string, string> }
    const named = [...readme.matchAll(/npm (?:run )?([a-z]+)/g)].map(([, name]) => name!)
    expect(Object.keys(scripts)).toEqual(
      expect.arrayContaining(named.filter((name) => !['ci', 'run'].includes(name))),
    )
  })

  describe('with its table', () => {
    const [table] = blocks(readme, 'sql')
    let made = false

    beforeAll(async () => {
      const [{ there }] = await sql<[{ there: boolean }]>`
        select to_regclass('public.notes') is not null as there`
      if (!there) await sql.unsafe(table!)
      made = !there
    })
    afterAll(async () => {
      if (made)
        await sql.unsafe(`select tidemark.remove_table('public.notes'); drop table public.notes`)
    })

    it('shows what npm start -- --example notes applies', () => {
      expect(read('examples/notes/schema.sql')).toBe(table)
    })

    it('has a curl call that works as it is', async () => {
      const call = blocks(readme, 'sh').find((code) => code.includes('curl'))!
      const { stdout } = await run('bash', ['-euo', 'pipefail', '-c', call], { cwd: folder })
      const answer = JSON.parse(stdout) as Record<string, unknown>
      expect(answer).toMatchObject({
        results: [{ seq: 1, status: 'applied', version: 1 }],
        changes: expect.any(Array) as unknown[],
        cursor: expect.any(Object) as object,
      })
    })

    it('has a client that works as it is', async () => {
      const [client] = blocks(readme, 'ts')
      await writeFile(join(folder, 'client.ts'), client!)
      const { stdout } = await run(process.execPath, ['client.ts'], { cwd: folder })
      expect(stdout).toContain("[ 'stored and queued, no network needed' ]")
      expect(stdout).toMatch(/pushed: 1,/)
    })
  })
})

describe('the page of the client', () => {
  it('shows calls that work as they are', async () => {
    const table = uniqueName('notes')
    await sql.unsafe(blocks(readme, 'sql')[0]!.replaceAll('notes', table))
    const user = await createUser()
    const [calls, , maintenance] = blocks(read('docs/client.md'), 'ts')
    const program = `
      import { createClient } from '@supabase/supabase-js'
      const supabase = createClient('${stack().api_url}', '${stack().publishable_key}', {
        auth: { persistSession: false, autoRefreshToken: false },
      })
      await supabase.auth.signInWithPassword({ email: '${user.email}', password: '${user.password}' })
      ${calls!.replace("'tidemark'", "'./client/src/index.ts'").replaceAll("'notes'", `'${table}'`)}
      await sync.sync()
      ${maintenance!.replace("'tidemark/maintenance'", "'./client/src/integrations/maintenance/index.ts'")}
      console.log({ inSync, differing })
      await sync.close()
      await supabase.realtime.disconnect()`
    await writeFile(join(folder, 'calls.ts'), program)
    const { stdout } = await run(process.execPath, ['calls.ts'], { cwd: folder })
    expect(stdout).toContain("body: 'oat milk'")
    expect(stdout).toMatch(/inSync: true/)
    await sql.unsafe(`select tidemark.remove_table('public.${table}'); drop table public.${table}`)
  })

  it('names every event, and every way in', () => {
    const page = read('docs/client.md')
    const [, events] = /export interface SyncEvents \{([\s\S]*?)\n\}/.exec(
      read('client/src/model/events.ts'),
    )!
    const names = [...events!.matchAll(/^  (\w+):/gm)].map(([, name]) => name!)
    expect(names.filter((name) => !page.includes(`\`${name}\``))).toEqual([])
    const { exports } = JSON.parse(read('package.json')) as { exports: object }
    const ways = Object.keys(exports).map((path) => path.replace('.', 'tidemark'))
    expect(
      ways.filter((way) => !page.includes(`'${way}'`) && !page.includes(`\`${way}\``)),
    ).toEqual(['tidemark/package.json'])
  })
})

describe('the docs', () => {
  const pages = [
    'README.md',
    'dev/README.md',
    ...readdirSync(`${project}docs`)
      .filter((name) => name.endsWith('.md'))
      .map((name) => `docs/${name}`),
  ]

  it.each(pages)('%s links to nothing that is not there', (page) => {
    const targets = localLinks(read(page)).map((target) => join(project, dirname(page), target))
    expect(targets.filter((target) => !existsSync(target))).toEqual([])
  })

  it('list every error that the migrations raise, and no other', () => {
    const raised = readdirSync(`${project}supabase/migrations`)
      .flatMap((file) => read(`supabase/migrations/${file}`).match(/'TM\d{3}'/g) ?? [])
      .map((code) => code.slice(1, -1))
    const listed = read('docs/errors.md').match(/TM\d{3}/g) ?? []
    expect(new Set(listed)).toEqual(new Set(raised))
  })

  it('list every code of a result and of a refused call', () => {
    const listed = [...read('docs/errors.md').matchAll(/^\| `([a-z_]+)`/gm)].map(([, code]) => code)
    for (const code of [...RESULT_CODES, ...Object.keys({ ...CALL_CODES, ...FUNCTION_CODES })])
      expect(listed).toContain(code)
  })

  it('list every code that the client has', () => {
    const files = readdirSync(`${project}client/src`, { recursive: true }) as string[]
    const codes = files
      .filter((file) => file.endsWith('.ts'))
      .flatMap((file) => [...read(join('client/src', file)).matchAll(/\bcode: '([a-z_]+)'/g)])
      .map(([, code]) => code!)
    const page = read('docs/errors.md')
    expect(codes.length).toBeGreaterThan(30)
    expect([...new Set(codes)].filter((code) => !page.includes(`\`${code}\``))).toEqual([])
  })

  it('list every code of the command line', () => {
    const page = read('docs/errors.md').split('## The command line')[1]!
    const listed = [...page.matchAll(/^\| `([a-z_]+)`/gm)].map(([, code]) => code)
    expect(new Set(listed)).toEqual(new Set(CLI_CODES))
  })

  it('list every function that a client can call', async () => {
    const functions = await sql<{ name: string }[]>`
      select proname as name from pg_proc
      where pronamespace = 'public'::regnamespace and has_function_privilege('authenticated', oid, 'execute')
        and obj_description(oid, 'pg_proc') is not null and proname ~ '^sync_'`
    const protocol = read('docs/protocol.md')
    const missing = functions
      .map(({ name }) => name)
      .filter((name) => !protocol.includes(`\`${name}`))
    expect(functions.length).toBeGreaterThan(0)
    expect(missing).toEqual([])
  })

  it('list the features that tests show by their names, and no others (npm run features)', async () => {
    const { page, strays } = await features()
    expect(strays).toEqual([])
    expect(read('docs/features.md')).toBe(page)
    // All of the tests' files are loaded for it.
  }, 120_000)
})
