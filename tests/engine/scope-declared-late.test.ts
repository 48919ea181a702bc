import type { Sql } from 'postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect, createUser, type TestUser, uniqueName } from '../../dev/testing.ts'
import { Phone, through } from './support/phone.ts'
import { Trips } from './support/trips.ts'

let sql: Sql
let trips: Trips
let ann: TestUser
let bob: TestUser

beforeAll(async () => {
  sql = connect('postgres', { connection: { TimeZone: 'UTC' } })
  ;[trips, ann, bob] = await Promise.all([Trips.make(sql), createUser(), createUser()])
})
afterAll(async () => {
  await trips.forget()
  await sql.end()
})

it('devices that are in sync hear of a kind, its members and its table when they are declared', async () => {
  const kind = uniqueName('club')
  const members = uniqueName('club_members')
  const posts = uniqueName('posts')
  await sql.unsafe(`
    create table public.${members} (club text not null, user_id uuid not null, primary key (club, user_id));
    create table public.${posts} (id int primary key, club text not null, text text);
    alter table public.${posts} enable row level security;
    create policy "members" on public.${posts} to authenticated using (true);
    grant select, insert, update, delete on public.${posts} to authenticated;
    insert into public.${members} values ('chess', '${ann.id}'), ('go', '${bob.id}');
    insert into public.${posts} select n, case when n < 6 then 'chess' else 'go' end from generate_series(1, 10) n;
  `)
  const old = trips.phone(ann)
  await old.drain()

  await sql.unsafe(`select tidemark.add_scope('${kind}', 'public.${members}', 'club', 'user_id')`)
  await old.drain()
  await sql.unsafe(`select tidemark.add_table('public.${posts}', '${kind}:club')`)
  // The app is updated and asks for one table more; the cursor is the one it had.
  const updated = new Phone(through(ann.accessToken), [trips.items, trips.notes, posts])
  updated.cursor = old.cursor
  await updated.drain(2)
  expect(Object.keys(updated.rows(posts))).toEqual(['1', '2', '3', '4', '5'])
  expect(updated.resets).toBe(0)

  await sql`insert into public.${sql(posts)} values (11, 'chess', 'new'), (12, 'go', 'not mine')`
  await updated.drain()
  expect(updated.rows(posts)['11']).toMatchObject({ text: 'new' })
  expect(updated.rows(posts)['12']).toBeUndefined()

  // The app that knows nothing of it goes on as before.
  const before = old.pages.length
  await old.drain()
  expect(old.since(before)).toMatchObject({ upserts: 0, removes: 0 })

  await sql.unsafe(`
    select tidemark.remove_table('public.${posts}');
    delete from tidemark.sync_scopes where kind = '${kind}';
  `)
})

it('a table of a kind that devices hold already is downloaded beside it', async () => {
  const more = uniqueName('more')
  await sql.unsafe(`
    create table public.${more} (id int primary key, trip int not null, text text);
    alter table public.${more} enable row level security;
    create policy "all" on public.${more} to authenticated using (true);
    grant select on public.${more} to authenticated;
  `)
  await trips.join(ann, [1])
  await trips.add(1, 1, 4)
  const phone = new Phone(through(ann.accessToken), [trips.items])
  await phone.drain()
  await sql`insert into public.${sql(more)} select n, case when n < 4 then 1 else 2 end from generate_series(1, 6) n`
  await sql.unsafe(`select tidemark.add_table('public.${more}', '${trips.kind}:trip')`)
  const updated = new Phone(through(ann.accessToken), [trips.items, more])
  updated.cursor = phone.cursor
  // Another trip is joined, and rows change, while that runs.
  await updated.page(1)
  await trips.join(ann, [2])
  await trips.add(2, 1, 2)
  await sql`update public.${sql(more)} set text = 'changed' where id in (1, 6)`
  await updated.drain(1)
  expect(updated.rows(more)).toEqual(await trips.truth(ann, more))
  expect(Object.keys(updated.rows(more))).toHaveLength(6)
  expect(Object.keys(updated.rows(trips.items))).toEqual(['2001', '2002'])
  await sql.unsafe(`select tidemark.remove_table('public.${more}')`)
})
