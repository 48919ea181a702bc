import { randomUUID } from 'node:crypto'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { connect, createUser, type TestUser, uniqueName } from '../dev/testing.ts'
import { ok, type Result, rpc } from './support/calls.ts'
import { blocks, read, tables } from './support/markdown.ts'

const page = read('docs/conflicts.md')
const [, policies, , rules] = tables(page)
let sql: Sql
let user: TestUser

beforeAll(async () => {
  sql = connect()
  user = await createUser()
})
afterAll(() => sql.end({ timeout: 1 }))

async function makeTable(columns: string, ...settings: string[]): Promise<string> {
  const table = uniqueName('page')
  await sql.unsafe(`
    create table public.${table} (
      id uuid primary key, user_id uuid not null default auth.uid(), ${columns}
    );
    alter table public.${table} enable row level security;
    create policy "own rows" on public.${table} to authenticated
      using ((select auth.uid()) = user_id);
    select tidemark.add_table('public.${table}', 'user:user_id', ${settings.join(', ')});`)
  return table
}

type Edit = { op: 'delete' } | { op: 'put' | 'patch'; data: object; old?: object }

/** One push of a new device; `age` in minutes. */
async function push(table: string, id: string, edit: Edit, age: number): Promise<Result> {
  const at = new Date(Date.now() - age * 60_000).toISOString()
  const base = edit.op === 'put' ? null : 1
  const mutation = { seq: 1, table, id, base, edited_at: at, ...edit }
  const answer = await rpc(user.accessToken, 'sync_push', {
    device_id: randomUUID(),
    mutations: [mutation],
  })
  return ok<{ results: [Result] }>(answer).results[0]
}

const rowOf = async (table: string, id: string): Promise<Record<string, unknown>> => {
  const [found] = await sql.unsafe(
    `select to_jsonb(t) as row from public.${table} t where id = '${id}'`,
  )
  return found!.row as Record<string, unknown>
}

/** The second edit is made at these times, in minutes ago; the first at 10. */
const ages: Record<string, number> = { earlier: 20, later: 5 }

describe('docs/conflicts.md is right about', () => {
  it.each(policies!.map((cells, n) => ({ n: n + 1, cells })))(
    'policies, line $n',
    async ({ cells }) => {
      const [policy, first, age, second, status, lost, row, and] = cells as string[]
      const table = await makeTable('name text, phone text', `'${policy}'`)
      const id = randomUUID()
      await push(table, id, { op: 'put', data: { name: 'Ada', phone: '1' } }, 60)
      const edit = (text: string): Edit =>
        text === 'delete' ? { op: 'delete' } : { op: 'patch', data: JSON.parse(text) as object }
      await push(table, id, edit(first!), 10)
      const answer = await push(table, id, edit(second!), ages[age!]!)

      expect(answer.status).toBe(status)
      expect((answer.lost ?? []).join(', ')).toBe(lost)
      const stored = await rowOf(table, id)
      if (row === 'deleted') expect(stored.deleted_at).not.toBeNull()
      else expect(stored).toMatchObject({ ...(JSON.parse(row!) as object), deleted_at: null })
      const more = answer as Result & { copy_id?: string; conflict_id?: string }
      const found = [
        answer.error?.code,
        more.copy_id && 'a second row',
        more.conflict_id && 'an open conflict',
      ]
      expect(found.find(Boolean) ?? '').toBe(and)
    },
  )

  it.each(rules!.map((cells, n) => ({ n: n + 1, cells })))('rules, line $n', async ({ cells }) => {
    const [rule, type, before, first, age, second, result] = cells as string[]
    const table = await makeTable(`v ${type}`, `'server_wins'`, `'{"v": "${rule}"}'`)
    const id = randomUUID()
    const v = (text: string): { v: unknown } => ({ v: JSON.parse(text) as unknown })
    await push(table, id, { op: 'put', data: v(before!) }, 60)
    await push(table, id, { op: 'patch', data: v(first!), old: v(before!) }, 10)
    await push(table, id, { op: 'patch', data: v(second!), old: v(before!) }, ages[age!]!)
    const stored = (await rowOf(table, id)).v
    expect(Array.isArray(stored) ? stored.toSorted() : stored).toEqual(v(result!).v)
  })

  it('its function', async () => {
    const [script] = blocks(page, 'sql')
    const name = uniqueName('read_wins')
    await sql.unsafe(script!.replace('read_wins', name))
    const table = await makeTable('name text, read boolean', `'function:public.${name}'`)
    const id = randomUUID()
    await push(table, id, { op: 'put', data: { name: 'Ada', read: false } }, 60)
    await push(table, id, { op: 'patch', data: { name: 'Eve', read: true } }, 10)
    await push(table, id, { op: 'patch', data: { name: 'Bob', read: false } }, ages.later!)
    expect(await rowOf(table, id)).toMatchObject({ name: 'Bob', read: true })
  })
})
