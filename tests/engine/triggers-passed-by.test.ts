import type { Notice, Sql } from 'postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect, uniqueName } from '../../dev/testing.ts'

let sql: Sql
const notices: Notice[] = []
const name = uniqueName('t')

beforeAll(() => {
  sql = connect('postgres', { max: 1, onnotice: (notice) => notices.push(notice) })
})
afterAll(async () => {
  await sql.unsafe(
    `select tidemark.remove_table('public.${name}'); drop table public.${name}; drop function public.${name}`,
  )
  await sql.end()
})

it('add_table warns of a trigger that deletes pass by, until it is called as the hint says', async () => {
  await sql.unsafe(`
    create table public.${name} (id int primary key, user_id uuid not null);
    alter table public.${name} enable row level security;
    create function public.${name}() returns trigger language plpgsql as 'begin return null; end';
    create trigger "Count" after delete on public.${name} for each row execute function public.${name}()`)
  const warnings = async () => {
    notices.length = 0
    await sql.unsafe(`select tidemark.add_table('public.${name}', 'user:user_id')`)
    return notices.filter(({ severity }) => severity === 'WARNING')
  }
  const [warning, ...others] = await warnings()
  expect(others).toEqual([])
  expect(warning).toMatchObject({
    code: 'TM018',
    message: expect.stringMatching(/^triggers_passed_by: .* "Count"$/) as string,
  })
  const [statement] = /create trigger [^;]+;/.exec(warning!.hint!)!
  await sql.unsafe(
    statement
      .replace('trigger …', 'trigger count_tombstone')
      .replace('function …', `function public.${name}()`),
  )
  expect(await warnings()).toEqual([])
})
