-- A conflict whose columns changed again, or whose row was deleted, is no longer a question.
begin;
select plan(9);

create table public.moved (id uuid primary key, user_id uuid not null default auth.uid(), name text, phone text);
alter table public.moved enable row level security;
grant select, insert, update, delete on public.moved to authenticated;
create policy "own rows" on public.moved to authenticated using (user_id = (select auth.uid()));
select tidemark.add_table('public.moved', 'user:user_id', 'manual');

-- A mutation as the signed-in user: {table, op, id, base, …} in, its result out.
create temp sequence seq;
create function pg_temp.push(device text, mutation jsonb, options json default '{}') returns jsonb
language plpgsql
as $$
declare
  numbered json := jsonb_build_array(mutation || jsonb_build_object('seq', nextval('pg_temp.seq')));
  answer jsonb;
begin
  perform set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true),
    set_config('role', 'authenticated', true);
  answer := public.sync_push(format('00000000-0000-4000-8000-0000000000d%s', device)::uuid, numbered, options) -> 'results' -> 0;
  perform set_config('role', 'postgres', true);
  return answer;
end
$$;
create function pg_temp.resolve(who text, conflict text, resolution json) returns jsonb
language plpgsql
as $$
declare
  answer jsonb;
begin
  perform set_config('request.jwt.claims', jsonb_build_object('sub', who, 'role', 'authenticated')::text, true),
    set_config('role', 'authenticated', true);
  answer := public.sync_resolve(conflict::uuid, resolution);
  perform set_config('role', 'postgres', true);
  return answer;
end
$$;
create function pg_temp.open_ones() returns bigint
language plpgsql
as $$
declare
  n bigint;
begin
  perform set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true),
    set_config('role', 'authenticated', true);
  n := json_array_length(public.sync_conflicts());
  perform set_config('role', 'postgres', true);
  return n;
end
$$;

create function pg_temp.conflict(row_id text) returns text
language plpgsql
as $$
declare
  mutation jsonb := jsonb_build_object('table', 'moved', 'id', row_id);
begin
  perform pg_temp.push('0', mutation || '{"op": "put", "data": {"name": "b", "phone": "b"}}');
  perform pg_temp.push('1', mutation || '{"op": "patch", "base": 1, "data": {"name": "t"}}');
  return pg_temp.push('2', mutation || '{"op": "patch", "base": 1, "data": {"name": "o"}}') ->> 'conflict_id';
end
$$;

create temp table before as
select (tidemark.health() ->> 'open_conflicts')::bigint as n;
create temp table ids as
select n, pg_temp.conflict('00000000-0000-4000-8000-00000000000' || n) as conflict from generate_series(1, 3) n;

update public.moved set phone = 'new' where id = '00000000-0000-4000-8000-000000000001';
select is(pg_temp.open_ones(), 3::bigint, 'a change of other columns leaves it open');
update public.moved set name = 'new' where id = '00000000-0000-4000-8000-000000000001';
select is(pg_temp.open_ones(), 2::bigint, 'a change of its column closes it');
select throws_ok(
  $$ select pg_temp.resolve('00000000-0000-4000-8000-00000000000a', (select conflict from pg_temp.ids where n = 1), '{"take": "client"}') $$,
  'PT404', 'conflict_not_open', 'it can then not be decided any more'
);
select is((select name from public.moved where id = '00000000-0000-4000-8000-000000000001'), 'new', 'and the newer value stays');
delete from public.moved where id = '00000000-0000-4000-8000-000000000002';
select is(pg_temp.open_ones(), 1::bigint, 'a delete of the row closes it');

-- An operator counts as the user does, and what is closed stays closed when the log is gone.
select is((tidemark.health() ->> 'open_conflicts')::bigint, (select n from before) + 1, 'health counts the open ones only');
update tidemark.sync_changes set at = at - interval '1 year'
where table_no = (select table_no from tidemark.live_tables where name = 'moved');
select lives_ok($$ select tidemark.purge(interval '100 days') $$, 'the log is purged');
select is(pg_temp.open_ones(), 1::bigint, 'a conflict that was closed stays closed');
select is(
  pg_temp.resolve('00000000-0000-4000-8000-00000000000a', (select conflict from pg_temp.ids where n = 3), '{"take": "client"}') ->> 'status',
  'resolved', 'one that was open stays open'
);

select * from finish();
rollback;
