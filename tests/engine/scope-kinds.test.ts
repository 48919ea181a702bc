import type { Sql } from 'postgres'
import { afterAll, beforeAll, expect, it } from 'vitest'
import { connect, createUser, type TestUser, uniqueName } from '../../dev/testing.ts'
import { Phone, through } from './support/phone.ts'

let sql: Sql
let ann: TestUser
let bob: TestUser

beforeAll(async () => {
  sql = connect('postgres', { connection: { TimeZone: 'UTC' } })
  ;[ann, bob] = await Promise.all([createUser(), createUser()])
})
afterAll(() => sql.end())

it('kinds are apart: the same key in two of them is two scopes', async () => {
  const [team, household] = [uniqueName('team'), uniqueName('household')]
  const [teamMembers, householdMembers] = [
    uniqueName('team_members'),
    uniqueName('household_members'),
  ]
  const [tasks, chores, news] = [uniqueName('tasks'), uniqueName('chores'), uniqueName('news')]
  await sql.unsafe(`
    create table public.${teamMembers} (team int not null, user_id uuid not null, primary key (team, user_id));
    create table public.${householdMembers} (household int not null, who uuid not null, primary key (household, who));
    create table public.${tasks} (id int primary key, team int not null);
    create table public.${chores} (id int primary key, household int not null);
    create table public.${news} (id int primary key);
    select tidemark.add_scope('${team}', 'public.${teamMembers}', 'team', 'user_id');
    select tidemark.add_scope('${household}', 'public.${householdMembers}', 'household', 'who');
  `)
  for (const [table, scope] of [
    [tasks, `${team}:team`],
    [chores, `${household}:household`],
    [news, 'public'],
  ])
    await sql.unsafe(`
      alter table public.${table} enable row level security;
      create policy "all" on public.${table} to authenticated using (true);
      grant select on public.${table} to authenticated;
      select tidemark.add_table('public.${table}', '${scope}');
    `)
  await sql.unsafe(`
    insert into public.${tasks} values (1, 1), (2, 2);
    insert into public.${chores} values (1, 1), (2, 2);
    insert into public.${news} values (1);
    insert into public.${teamMembers} values (1, '${ann.id}'), (2, '${bob.id}');
    insert into public.${householdMembers} values (2, '${ann.id}'), (1, '${bob.id}');
  `)
  const tables = [tasks, chores, news]
  const anns = new Phone(through(ann.accessToken), tables)
  const bobs = new Phone(through(bob.accessToken), tables)
  const held = (phone: Phone) => tables.map((table) => Object.keys(phone.rows(table)).join(','))
  await anns.drain(1)
  await bobs.drain(1)
  expect(held(anns)).toEqual(['1', '2', '1'])
  expect(held(bobs)).toEqual(['2', '1', '1'])

  await sql`delete from public.${sql(teamMembers)} where user_id = ${ann.id}`
  await sql`insert into public.${sql(householdMembers)} values (1, ${ann.id})`
  await sql`insert into public.${sql(tasks)} values (3, 1)`
  await sql`insert into public.${sql(news)} values (2)`
  const before = anns.pages.length
  await anns.drain(1)
  await bobs.drain(1)
  expect(held(anns)).toEqual(['', '1,2', '1,2'])
  expect(held(bobs)).toEqual(['2', '1', '1,2'])
  expect(anns.since(before)).toMatchObject({ joined: [`${household}:1`], left: [`${team}:1`] })

  for (const table of tables) await sql.unsafe(`select tidemark.remove_table('public.${table}')`)
  await sql`delete from tidemark.sync_scopes where kind in ${sql([team, household])}`
})

it('a membership in two rows ends with the last of them', async () => {
  const kind = uniqueName('crew')
  const members = uniqueName('crew_members')
  const boats = uniqueName('boats')
  await sql.unsafe(`
    create table public.${members} (id int primary key, crew int not null, user_id uuid not null, role text);
    create table public.${boats} (id int primary key, crew int not null);
    alter table public.${boats} enable row level security;
    create policy "all" on public.${boats} to authenticated using (true);
    grant select on public.${boats} to authenticated;
    select tidemark.add_scope('${kind}', 'public.${members}', 'crew', 'user_id');
    select tidemark.add_table('public.${boats}', '${kind}:crew');
    insert into public.${boats} values (1, 1);
    insert into public.${members} values (1, 1, '${ann.id}', 'rower'), (2, 1, '${ann.id}', 'cook');
  `)
  const phone = new Phone(through(ann.accessToken), [boats])
  await phone.drain()
  await sql`delete from public.${sql(members)} where id = 1`
  await phone.drain()
  expect(Object.keys(phone.rows(boats))).toEqual(['1'])
  await sql`delete from public.${sql(members)} where id = 2`
  await phone.drain()
  expect(Object.keys(phone.rows(boats))).toEqual([])

  await sql.unsafe(`select tidemark.remove_table('public.${boats}')`)
  await sql`delete from tidemark.sync_scopes where kind = ${kind}`
})
