-- sync_status(): one json for a signed-in user, about themselves.
begin;
\ir ../helpers.psql
select plan(12);

create function pg_temp.status(name text default 'a') returns jsonb language sql as $$
  select pg_temp.as_user(name, 'public.sync_status()')
$$;

create table public.clubs_of_users (club_id text not null, user_id uuid not null, primary key (club_id, user_id));
create table public.statused (id bigint primary key, user_id uuid not null default auth.uid(), name text);
select tidemark.add_scope('statusclub', 'public.clubs_of_users', 'club_id', 'user_id');
select pg_temp.add_own_table('public.statused', 'manual');
insert into public.clubs_of_users values ('chess', pg_temp.user_id('a')), ('go', pg_temp.user_id('b'));

select is(
  (select array_agg(k order by k) from jsonb_object_keys(pg_temp.status()) k),
  array['devices', 'mutations', 'open_conflicts', 'scopes', 'server_time', 'tables', 'user_id'],
  'status has one entry a question'
);
select is(
  pg_temp.status() - '{tables,server_time}'::text[],
  '{"user_id": "00000000-0000-4000-8000-00000000000a", "scopes": ["public", "user:00000000-0000-4000-8000-00000000000a", "statusclub:chess"],
    "devices": 0, "open_conflicts": 0, "mutations": {}}'::jsonb,
  'a user who has done nothing yet is in their scopes, and in no others'
);
select ok(pg_temp.status() -> 'tables' ? 'statused', 'the tables that are synced');
select is((pg_temp.status() ->> 'server_time')::timestamptz, now(), 'the server''s clock');

select pg_temp.push('[
  {"seq": 1, "table": "statused", "op": "put", "id": "1", "data": {"name": "b"}},
  {"seq": 2, "table": "nowhere", "op": "put", "id": "3", "data": {"name": "b"}}]', device => 1);
select pg_temp.push('[
  {"seq": 1, "table": "statused", "op": "patch", "id": "1", "base": 1, "data": {"name": "t"}}]', device => 2);
select pg_temp.push('[
  {"seq": 5, "table": "statused", "op": "patch", "id": "1", "base": 1, "data": {"name": "o"}}]', device => 1);
select pg_temp.push('[
  {"seq": 1, "table": "statused", "op": "put", "id": "2", "data": {"name": "b"}}]', device => 3, name => 'b');

select is(pg_temp.status() -> 'mutations', '{"applied": 2, "rejected": 1, "conflict": 1}'::jsonb,
  'the status counts the user''s mutations by result, over all of their devices');
select is(pg_temp.status() ->> 'devices', '2', 'their devices');
select is(pg_temp.status() ->> 'open_conflicts', '1', 'their open conflicts');
select is(pg_temp.status('b') -> 'mutations', '{"applied": 1}'::jsonb, 'and not those of others');
select is(pg_temp.status('b') ->> 'open_conflicts', '0', 'nor their conflicts');
update public.statused set name = 'moved on' where id = 1;
select is(pg_temp.status() ->> 'open_conflicts', '0', 'a conflict whose row moved on is no longer open');

select set_config('request.jwt.claims', '', true), set_config('role', 'authenticated', true);
select throws_ok('select public.sync_status()', 'PT401', 'not_signed_in', 'there is no status without signing in');
set local role anon;
select throws_ok('select public.sync_status()', '42501', null, 'nor as anon');
reset role;

select * from finish();
rollback;
