import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { judge, runPgtap } from '../runners/pgtap.ts'
import { uniqueName } from '../testing.ts'

describe('a pgTAP file', () => {
  it('passes with its planned number of good tests', () => {
    expect(judge('1..2\nok 1 - a\nok 2 - b', undefined)).toMatchObject({
      passed: 2,
      failed: 0,
      problems: [],
    })
  })

  it('fails by a test, whose diagnostics are shown', () => {
    const output =
      '1..2\nnot ok 1 - a\n# Failed test 1: "a"\n#         have: 1\n#         want: 2\nok 2 - b'
    expect(judge(output, undefined)).toMatchObject({
      passed: 1,
      failed: 1,
      problems: ['not ok 1 - a', '  #         have: 1', '  #         want: 2'],
    })
  })

  it('fails when it ran more or fewer tests than planned', () => {
    expect(judge('1..3\nok 1\nok 2', undefined).problems).toEqual(['planned 3 tests but ran 2'])
    expect(judge('1..1\nok 1\nok 2', undefined)).toMatchObject({ failed: 1 })
  })

  it('fails when it died, after however many good tests', () => {
    expect(judge('1..1\nok 1', 'line 9: syntax error (42601)')).toMatchObject({
      failed: 1,
      problems: ['the file died at line 9: syntax error (42601)'],
    })
  })

  it('fails without a plan', () => {
    expect(judge('', undefined)).toMatchObject({ passed: 0, failed: 1 })
  })

  it('tells what was skipped and why', () => {
    expect(judge('1..2\nok 1 - a # SKIP no replica here\nok 2 - b', undefined)).toMatchObject({
      passed: 1,
      failed: 0,
      skipped: [{ test: 'a', reason: 'no replica here' }],
    })
  })
})

describe('a folder of pgTAP files', () => {
  it('is run file by file, each as postgres and without traces in the others', async () => {
    const root = await mkdtemp(join(tmpdir(), 'tidemark-pgtap-'))
    const folder = join(root, 'supabase', 'tests', 'stage')
    await mkdir(folder, { recursive: true })
    const table = uniqueName('trace')
    const good = `
      begin;
      select plan(3);
      create table public.${table} (id int);
      select has_table('public'::name, '${table}'::name, 'the table is there');
      select is(current_user::text, 'postgres', 'as postgres');
      set local role anon;
      select throws_ok('select * from auth.users', '42501', null, 'anon is refused');
      select * from finish();
      rollback;`
    await writeFile(join(folder, 'one.test.sql'), good)
    await writeFile(join(folder, 'two.test.sql'), good)
    await writeFile(join(folder, 'dies.test.sql'), 'begin; select plan(1); select 1 / 0; rollback;')
    const options = { stackFile: process.env.TIDEMARK_STACK!, log: () => {} }
    const all = await runPgtap(root, { ...options, chosen: [] })
    expect(all).toEqual({ passed: 6, failed: 1, skipped: [] })
    const chosen = await runPgtap(root, { ...options, chosen: ['stage/one'] })
    expect(chosen).toEqual({ passed: 3, failed: 0, skipped: [] })
    await rm(root, { recursive: true })
  })

  it('includes files by \\ir, and names the file and the line where a statement fails', async () => {
    const root = await mkdtemp(join(tmpdir(), 'tidemark-pgtap-'))
    const folder = join(root, 'supabase', 'tests', 'stage')
    await mkdir(folder, { recursive: true })
    const scripts = {
      '../helpers.psql': [
        'create function pg_temp.one() returns int language sql as $$ select 1; $$;',
        '\\ir stage/planned.psql',
      ],
      'planned.psql': [
        '-- included by a file that is included itself',
        'select plan(pg_temp.one());',
      ],
      'passes.test.sql': [
        'begin;',
        '\\ir ../helpers.psql',
        '-- a comment',
        "select ok('",
        '\\ir nothing.psql',
        "' is not null, 'what a text says includes nothing');",
        'rollback;',
      ],
      'dies.test.sql': [
        'begin;',
        '\\ir ../helpers.psql',
        '',
        'select 1;',
        'select 1 / 0;',
        'rollback;',
      ],
      'dies_at_once.test.sql': ['\\ir ../helpers.psql', '', 'select 1 / 0;'],
      'dies_in_there.test.sql': ['begin;', '\\ir broken.psql', 'rollback;'],
      'broken.psql': ['select 1;', '', 'select 1 / 0;'],
    }
    for (const [name, lines] of Object.entries(scripts))
      await writeFile(join(folder, name), lines.join('\n'))
    const lines: string[] = []
    const log = (line: string) => lines.push(line)
    const options = { stackFile: process.env.TIDEMARK_STACK!, log, chosen: [] }
    expect(await runPgtap(root, options)).toMatchObject({ passed: 1, failed: 3 })
    const died = lines.filter((line) => line.includes('the file died at'))
    expect(died.map((line) => line.trim()).sort()).toEqual([
      'the file died at broken.psql, line 3: division by zero (22012)',
      'the file died at line 3: division by zero (22012)',
      'the file died at line 5: division by zero (22012)',
    ])
    await rm(root, { recursive: true })
  })
})
