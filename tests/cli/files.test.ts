import { readFile, readdir } from 'node:fs/promises'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { nextMigration } from '../../dev/schemas.ts'
import { withFunctions } from '../../cli/config.ts'
import { tablesOf } from '../../cli/doctor/files.ts'
import { Shell } from './support/shell.ts'

let shell: Shell

beforeEach(async () => {
  shell = await Shell.open()
  await shell.write('supabase/config.toml', '# mine\nproject_id = "app" # keep\n')
})
afterEach(() => shell.close())

const file = (path: string): Promise<string> => readFile(join(shell.folder, path), 'utf8')
interface Result {
  files: { path: string; fate: string }[]
}
const fates = (out: string, fate: string): string[] =>
  (JSON.parse(out) as Result).files.filter((f) => f.fate === fate).map(({ path }) => path)

describe('tidemark init', () => {
  it('copies migrations and functions, and once more changes nothing', async () => {
    const first = await shell.run('npx tidemark init --json')
    expect(fates(first.out, 'new')).toEqual(
      expect.arrayContaining([
        `supabase/migrations/${nextMigration}`,
        'supabase/functions/sync/index.ts',
        'supabase/functions/_tidemark/deno.json',
      ]),
    )
    expect(fates(first.out, 'new').filter((path) => path.includes('test'))).toEqual([])
    const second = await shell.run('npx tidemark init --json')
    expect(fates(second.out, 'same')).toHaveLength((JSON.parse(second.out) as Result).files.length)
  })

  it('adds sections to config.toml and keeps the rest of it, comments too', async () => {
    await shell.run('npx tidemark init')
    const config = await file('supabase/config.toml')
    expect(config).toMatch(/^# mine\nproject_id = "app" # keep\n/)
    expect(config.match(/^\[functions\./gm)).toHaveLength(3)
    expect(withFunctions(config)).toBe(config)
  })

  it('leaves a changed file alone and says so, unless it is told to replace it', async () => {
    const path = 'supabase/functions/sync/index.ts'
    await shell.write(path, '// mine')
    const { out } = await shell.run('npx tidemark init')
    expect(await file(path)).toBe('// mine')
    expect(out).toContain(`${path} differs from this version of Tidemark and is left alone`)
    await shell.run('npx tidemark init --force')
    expect(await file(path)).toContain('Deno.serve')
  })

  it('says what to do where there is no project', async () => {
    const { code, err } = await shell.run('cd .. && npx tidemark init')
    expect(code).toBe(1)
    expect(err).toMatch(
      /^error: no_project: there is no Supabase project in .*: run "npx supabase init" first/,
    )
  })
})

describe('tidemark add', () => {
  const added = async (): Promise<string[]> =>
    (await readdir(join(shell.folder, 'supabase/migrations'))).filter((name) =>
      name.includes('_sync_'),
    )

  it('writes a migration that comes after all others', async () => {
    await shell.write('supabase/migrations/29990101000000_later.sql', '')
    await shell.run('npx tidemark add notes --scope trip:trip_id --conflict merge')
    const [name] = await added()
    expect(name).toBe('29990101000001_sync_public_notes.sql')
    expect(await file(`supabase/migrations/${name}`)).toBe(
      "select tidemark.add_table('public.notes', 'trip:trip_id', 'merge');\n",
    )
  })

  it('takes rules for columns, and quotes what it is given', async () => {
    await shell.run('mkdir -p supabase/migrations')
    const { out } = await shell.run(
      `npx tidemark add 'app.tags' --columns '{"o''clock": "sum"}' --json`.replace("''", `'\\''`),
    )
    const { path } = JSON.parse(out) as { path: string }
    expect(await file(path)).toBe(
      `select tidemark.add_table('app.tags', 'user:user_id', 'last_write_wins', '{"o''clock":"sum"}');\n`,
    )
  })

  it.each([
    ['notes --scope everybody', '"everybody" is no scope'],
    ['notes --conflict luck', '"luck" is no conflict policy'],
    ['notes --columns tags', '--columns takes a json object'],
    [`'notes; drop table x'`, 'is no table name'],
  ])('refuses %s', async (line, message) => {
    await shell.run('mkdir -p supabase/migrations')
    const { code, err } = await shell.run(`npx tidemark add ${line}`)
    expect(err).toContain(message)
    expect(code).toBe(1)
    expect(await added()).toEqual([])
  })
})

describe('the tables that an app asks for', () => {
  it.each([
    [`createSync({ supabase, tables: ['notes', "tags"] })`, ['notes', 'tags']],
    [
      `createSync<Database>({\n tables: [{ name: 'notes', key: 'code' }, 'tags'],\n})`,
      ['notes', 'tags'],
    ],
    [`createSyncFromEnv({ tables: ['app.notes'] })`, ['app.notes']],
    [`createSync({ tables })`, []],
    [`other({ tables: ['notes'] })`, []],
  ])('%s', (source, names) => {
    expect(tablesOf(source).sort()).toEqual(names)
  })
})
