-- sync_status(): one json for a signed-in user, about themselves.
begin;
select plan(12);

create function pg_temp.sign_in(who text) returns void
language sql
as $$
  select set_config('request.jwt.claims', json_build_object('sub', who, 'role', 'authenticated')::text, true),
    set_config('role', 'authenticated', true)
$$;
create function pg_temp.status(who text) returns jsonb
language plpgsql
as $$
declare
  answer jsonb;
begin
  perform pg_temp.sign_in(who);
  answer := public.sync_status();
  perform set_config('role', 'postgres', true);
  return answer;
end
$$;
create function pg_temp.push(who text, device text, mutations json) returns json
language plpgsql
as $$
declare
  answer json;
begin
  perform pg_temp.sign_in(who);
  answer := public.sync_push(device::uuid, mutations) -> 'results';
  perform set_config('role', 'postgres', true);
  return answer;
end
$$;

create table public.clubs_of_users (club_id text not null, user_id uuid not null, primary key (club_id, user_id));
create table public.statused (id bigint primary key, user_id uuid not null default auth.uid(), name text);
alter table public.statused enable row level security;
grant select, insert, update, delete on public.statused to authenticated;
create policy "own rows" on public.statused to authenticated using (user_id = (select auth.uid()));
select tidemark.add_scope('statusclub', 'public.clubs_of_users', 'club_id', 'user_id');
select tidemark.add_table('public.statused', 'user:user_id', 'manual');
insert into public.clubs_of_users values ('chess', '00000000-0000-4000-8000-00000000000a'), ('go', '00000000-0000-4000-8000-00000000000b');

select is(
  (select array_agg(k order by k) from jsonb_object_keys(pg_temp.status('00000000-0000-4000-8000-00000000000a')) k),
  array['devices', 'mutations', 'open_conflicts', 'scopes', 'server_time', 'tables', 'user_id'],
  'status has one entry a question'
);
select is(
  pg_temp.status('00000000-0000-4000-8000-00000000000a') - '{tables,server_time}'::text[],
  '{"user_id": "00000000-0000-4000-8000-00000000000a", "scopes": ["public", "user:00000000-0000-4000-8000-00000000000a", "statusclub:chess"],
    "devices": 0, "open_conflicts": 0, "mutations": {}}'::jsonb,
  'a user who has done nothing yet is in their scopes, and in no others'
);
select ok(pg_temp.status('00000000-0000-4000-8000-00000000000a') -> 'tables' ? 'statused', 'the tables that are synced');
select is((pg_temp.status('00000000-0000-4000-8000-00000000000a') ->> 'server_time')::timestamptz, now(), 'the server''s clock');

select pg_temp.push('00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-0000000000d1', '[
  {"seq": 1, "table": "statused", "op": "put", "id": "1", "data": {"name": "b"}},
  {"seq": 2, "table": "nowhere", "op": "put", "id": "3", "data": {"name": "b"}}]');
select pg_temp.push('00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-0000000000d2', '[
  {"seq": 1, "table": "statused", "op": "patch", "id": "1", "base": 1, "data": {"name": "t"}}]');
select pg_temp.push('00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-0000000000d1', '[
  {"seq": 5, "table": "statused", "op": "patch", "id": "1", "base": 1, "data": {"name": "o"}}]');
select pg_temp.push('00000000-0000-4000-8000-00000000000b', '00000000-0000-4000-8000-0000000000d3', '[
  {"seq": 1, "table": "statused", "op": "put", "id": "2", "data": {"name": "b"}}]');

select is(pg_temp.status('00000000-0000-4000-8000-00000000000a') -> 'mutations', '{"applied": 2, "rejected": 1, "conflict": 1}'::jsonb,
  'what became of the user''s edits, on all of their devices');
select is(pg_temp.status('00000000-0000-4000-8000-00000000000a') ->> 'devices', '2', 'their devices');
select is(pg_temp.status('00000000-0000-4000-8000-00000000000a') ->> 'open_conflicts', '1', 'their open conflicts');
select is(pg_temp.status('00000000-0000-4000-8000-00000000000b') -> 'mutations', '{"applied": 1}'::jsonb, 'and not those of others');
select is(pg_temp.status('00000000-0000-4000-8000-00000000000b') ->> 'open_conflicts', '0', 'nor their conflicts');
update public.statused set name = 'moved on' where id = 1;
select is(pg_temp.status('00000000-0000-4000-8000-00000000000a') ->> 'open_conflicts', '0', 'a conflict whose row moved on is no longer open');

select set_config('request.jwt.claims', '', true), set_config('role', 'authenticated', true);
select throws_ok('select public.sync_status()', 'PT401', 'not_signed_in', 'nobody has a status without signing in');
set local role anon;
select throws_ok('select public.sync_status()', '42501', null, 'nor as anon');
reset role;

select * from finish();
rollback;
