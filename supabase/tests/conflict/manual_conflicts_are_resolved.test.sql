-- A person decides: the device's side, the stored side, or a row of their own.
begin;
select plan(31);

create table public.resolved (id uuid primary key, user_id uuid not null default auth.uid(), name text, phone text, constraint no_swearing check (name <> 'darn'));
alter table public.resolved enable row level security;
grant select, insert, update, delete on public.resolved to authenticated;
create policy "own rows" on public.resolved to authenticated using (user_id = (select auth.uid()));
select tidemark.add_table('public.resolved', 'user:user_id', 'manual');

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

-- A row that device 1 changed to t and device 2 to o, both on version 1: the id of the conflict.
create function pg_temp.conflict(row_id text) returns text
language plpgsql
as $$
declare
  mutation jsonb := jsonb_build_object('table', 'resolved', 'id', row_id);
begin
  perform pg_temp.push('0', mutation || '{"op": "put", "data": {"name": "b", "phone": "b"}}');
  perform pg_temp.push('1', mutation || '{"op": "patch", "base": 1, "data": {"name": "t"}}');
  return pg_temp.push('2', mutation || '{"op": "patch", "base": 1, "data": {"name": "o"}}') ->> 'conflict_id';
end
$$;

create temp table ids as
select n, pg_temp.conflict('00000000-0000-4000-8000-00000000000' || n) as conflict from generate_series(1, 6) n;
create function pg_temp.id(n int) returns text language sql as $$ select conflict from pg_temp.ids where ids.n = id.n $$;
create function pg_temp.name(n int) returns text language sql as $$ select name from public.resolved where id = ('00000000-0000-4000-8000-00000000000' || n)::uuid $$;
create function pg_temp.version(n int) returns bigint language sql as $$ select version from public.resolved where id = ('00000000-0000-4000-8000-00000000000' || n)::uuid $$;

select is(pg_temp.open_ones(), 6::bigint, 'six conflicts are open');

-- The device's side.
create temp table answer as
select pg_temp.resolve('00000000-0000-4000-8000-00000000000a', pg_temp.id(1), '{"take": "client"}') as a;
select is((a - 'row'), jsonb_build_object('conflict_id', pg_temp.id(1), 'status', 'resolved', 'version', 3),
  'take client: the answer says the row''s new version') from answer;
select is(a #>> '{row,name}', 'o', 'and carries the row') from answer;
select is(pg_temp.name(1), 'o', 'the device''s value is stored');
select is(
  (select row(resolution, resolved_at)::text from tidemark.sync_conflicts where conflict_id = pg_temp.id(1)::uuid),
  row('client', now())::text,
  'the conflict keeps how and when it was decided'
);
select is(pg_temp.open_ones(), 5::bigint, 'it is no longer listed');
select throws_ok(
  $$ select pg_temp.resolve('00000000-0000-4000-8000-00000000000a', pg_temp.id(1), '{"take": "server"}') $$,
  'PT404', 'conflict_not_open', 'it cannot be decided twice'
);

select is(
  pg_temp.resolve('00000000-0000-4000-8000-00000000000a', pg_temp.id(1), '{"take": "client"}'),
  (select a from answer),
  'the same decision again is answered again'
);
select is(pg_temp.version(1), 3::bigint, 'and changes nothing');
select throws_ok(
  $$ select pg_temp.resolve('00000000-0000-4000-8000-00000000000b', pg_temp.id(1), '{"take": "client"}') $$,
  'PT404', 'conflict_not_open', 'nobody else is answered'
);

-- The stored side.
select is(
  pg_temp.resolve('00000000-0000-4000-8000-00000000000a', pg_temp.id(2), '{"take": "server"}') - 'row',
  jsonb_build_object('conflict_id', pg_temp.id(2), 'status', 'resolved', 'version', 2),
  'take server: the version stays'
);
select is(pg_temp.name(2), 't', 'the stored value stays');
select is(pg_temp.open_ones(), 4::bigint, 'the conflict is closed');

-- A merged row.
select is(
  pg_temp.resolve('00000000-0000-4000-8000-00000000000a', pg_temp.id(3), '{"row": {"name": "t and o", "phone": "new"}}') #>> '{row,name}',
  't and o',
  'row: what the person wrote is stored'
);
select is((select phone from public.resolved where id = '00000000-0000-4000-8000-000000000003'), 'new', 'in every column they sent');
select is(pg_temp.open_ones(), 3::bigint, 'the conflict is closed');

select is(
  pg_temp.resolve('00000000-0000-4000-8000-00000000000a', pg_temp.id(3), '{"row": {"phone": "new", "name": "t and o"}}') ->> 'version',
  '3',
  'the same row again is answered and changes nothing'
);
select throws_ok(
  $$ select pg_temp.resolve('00000000-0000-4000-8000-00000000000a', pg_temp.id(3), '{"row": {"name": "t and o"}}') $$,
  'PT404', 'conflict_not_open', 'another row is another decision'
);

-- Somebody else''s, refusals.
select throws_ok(
  $$ select pg_temp.resolve('00000000-0000-4000-8000-00000000000b', pg_temp.id(4), '{"take": "client"}') $$,
  'PT404', 'conflict_not_open', 'another user does not find it'
);
select throws_ok(
  $$ select pg_temp.resolve('00000000-0000-4000-8000-00000000000a', gen_random_uuid()::text, '{"take": "client"}') $$,
  'PT404', 'conflict_not_open', 'an unknown id is no open conflict'
);
select throws_ok(
  format('select pg_temp.resolve(''00000000-0000-4000-8000-00000000000a'', pg_temp.id(4), %L)', bad),
  'PT400', 'malformed', format('%s is no resolution', bad)
)
from unnest(array['{}', '[]', 'null', '{"take": "both"}', '{"row": 1}', '{"take": null}']) as bad;
select is(pg_temp.name(4), 't', 'nothing was changed by them');

-- The row's own rules hold for a resolution as for any edit.
select is(
  pg_temp.resolve('00000000-0000-4000-8000-00000000000a', pg_temp.id(5), '{"row": {"name": "darn"}}') #>> '{error,code}',
  'constraint',
  'a resolution that a constraint forbids is rejected'
);
select is(
  pg_temp.resolve('00000000-0000-4000-8000-00000000000a', pg_temp.id(5), '{"row": {"nickname": "x"}}') #>> '{error,code}',
  'unknown_column',
  'a resolution that names no column is rejected'
);
select is(pg_temp.open_ones(), 3::bigint, 'and the conflict stays open');
select is(
  pg_temp.resolve('00000000-0000-4000-8000-00000000000a', pg_temp.id(5), '{"row": {"version": 99, "deleted_at": "2020-01-01T00:00:00Z", "name": "fine"}}') ->> 'version',
  '3',
  'the stamps of a resolution are not the person''s to set'
);

select * from finish();
rollback;
