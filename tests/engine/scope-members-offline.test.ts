import type { Sql } from 'postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect, createUser, type TestUser, uniqueName } from '../../dev/testing.ts'
import { Phone, through } from './support/phone.ts'

let sql: Sql
let ann: TestUser
let bob: TestUser
const [kind, lists, shares, entries] = ['list', 'lists', 'shares', 'entries'].map(uniqueName) as [
  string,
  string,
  string,
  string,
]

beforeAll(async () => {
  sql = connect('postgres', { connection: { TimeZone: 'UTC' } })
  ;[ann, bob] = await Promise.all([createUser(), createUser()])
  // A list, who shares it, and what is on it: all of it synced, all of it made on devices.
  await sql.unsafe(`
    create table public.${lists} (id uuid primary key, owner uuid not null default auth.uid(), title text);
    create table public.${shares} (
      id uuid primary key, list uuid not null references public.${lists} on delete cascade, user_id uuid not null,
      deleted_at timestamptz
    );
    create table public.${entries} (
      id uuid primary key, list uuid not null references public.${lists} on delete cascade, text text
    );
    create function public.may_see_${lists}(wanted uuid) returns boolean language sql stable security definer set search_path = '' as $$
      select exists (select from public.${lists} l where l.id = wanted and l.owner = auth.uid())
        or exists (select from public.${shares} s where s.list = wanted and s.user_id = auth.uid() and s.deleted_at is null)
    $$;
    alter table public.${lists} enable row level security;
    alter table public.${shares} enable row level security;
    alter table public.${entries} enable row level security;
    create policy "sharers see" on public.${lists} for select to authenticated using (owner = (select auth.uid()) or public.may_see_${lists}(id));
    create policy "owner writes" on public.${lists} to authenticated using (owner = (select auth.uid()));
    create policy "sharers see" on public.${shares} for select to authenticated using (public.may_see_${lists}(list));
    create policy "owner invites" on public.${shares} to authenticated using (
      exists (select from public.${lists} l where l.id = list and l.owner = (select auth.uid())));
    create policy "sharers" on public.${entries} to authenticated using (public.may_see_${lists}(list));
    grant select, insert, update, delete on public.${lists}, public.${shares}, public.${entries} to authenticated;
    select tidemark.add_scope('${kind}', 'public.${shares}', 'list', 'user_id');
    select tidemark.add_table('public.${lists}', '${kind}:id');
    select tidemark.add_table('public.${shares}', '${kind}:list');
    select tidemark.add_table('public.${entries}', '${kind}:list');
  `)
})
afterAll(async () => {
  for (const table of [lists, shares, entries])
    await sql.unsafe(`select tidemark.remove_table('public.${table}')`)
  await sql`delete from tidemark.sync_scopes where kind = ${kind}`
  await sql.end()
})

it('a list is made, shared and unshared offline', async () => {
  const tables = [lists, shares, entries]
  const anns = new Phone(through(ann.accessToken), tables)
  const bobs = new Phone(through(bob.accessToken), tables)
  const held = (phone: Phone) => tables.map((table) => Object.keys(phone.rows(table)).length)
  const both = async () => {
    await anns.drain(1)
    await bobs.drain(1)
    return [held(anns), held(bobs)]
  }
  await both()
  const id = crypto.randomUUID()
  const [annsShare, bobsShare] = [crypto.randomUUID(), crypto.randomUUID()]
  const put = (table: string, rowId: string, data: object) => ({
    table,
    op: 'put',
    id: rowId,
    base: null,
    data,
  })
  const made = await anns.push(
    put(lists, id, { title: 'Shopping' }),
    put(shares, annsShare, { list: id, user_id: ann.id }),
    put(entries, crypto.randomUUID(), { list: id, text: 'Milk' }),
    put(entries, crypto.randomUUID(), { list: id, text: 'Bread' }),
    put(shares, bobsShare, { list: id, user_id: bob.id }),
  )
  expect(made.map(({ status }) => status)).toEqual(Array(5).fill('applied'))
  expect(await both()).toEqual([
    [1, 2, 2],
    [1, 2, 2],
  ])

  const [added] = await bobs.push(put(entries, crypto.randomUUID(), { list: id, text: 'Beer' }))
  expect(added!.status).toBe('applied')
  expect(await both()).toEqual([
    [1, 2, 3],
    [1, 2, 3],
  ])

  await anns.push({ table: shares, op: 'delete', id: bobsShare, base: 1 })
  expect(await both()).toEqual([
    [1, 1, 3],
    [0, 0, 0],
  ])
  const [late] = await bobs.push(put(entries, crypto.randomUUID(), { list: id, text: 'More beer' }))
  expect(late).toMatchObject({ status: 'rejected', error: { code: 'forbidden' } })

  // Shared again, under a new id: a deleted row does not come back.
  await anns.push(put(shares, crypto.randomUUID(), { list: id, user_id: bob.id }))
  expect(await both()).toEqual([
    [1, 2, 3],
    [1, 2, 3],
  ])
  await anns.push({ table: lists, op: 'delete', id, base: 1 })
  expect(await both()).toEqual([
    [0, 0, 0],
    [0, 0, 0],
  ])
})
