-- A person decides: the device's side, the stored side, or a row of their own.
begin;
\ir ../helpers.psql
select plan(31);

create table public.resolved (id uuid primary key, user_id uuid not null default auth.uid(), name text, phone text, constraint no_swearing check (name <> 'darn'));
select pg_temp.add_own_table('public.resolved', 'manual');

create temp table conflicts as
select n, pg_temp.conflict('resolved', pg_temp.id(n)::text, '{"name": "b", "phone": "b"}', '{"name": "t"}', '{"name": "o"}') ->> 'conflict_id' as id
from generate_series(1, 6) n;
create function pg_temp.conflict_id(n int) returns text language sql as $$ select c.id from pg_temp.conflicts c where c.n = conflict_id.n $$;
create function pg_temp.name(n int) returns text language sql as $$ select name from public.resolved where id = pg_temp.id(n) $$;
create function pg_temp.version(n int) returns bigint language sql as $$ select version from public.resolved where id = pg_temp.id(n) $$;

select is(jsonb_array_length(pg_temp.open_conflicts()), 6, 'six conflicts are open');

-- The device's side.
create temp table answer as
select pg_temp.resolve(pg_temp.conflict_id(1), '{"take": "client"}') as a;
select is((a - 'row'), jsonb_build_object('conflict_id', pg_temp.conflict_id(1), 'status', 'resolved', 'version', 3),
  'take client: the answer says the row''s new version') from answer;
select is(a #>> '{row,name}', 'o', 'and carries the row') from answer;
select is(pg_temp.name(1), 'o', 'the device''s value is stored');
select is(
  (select row(resolution, resolved_at)::text from tidemark.sync_conflicts where conflict_id = pg_temp.conflict_id(1)::uuid),
  row('client', now())::text,
  'the conflict keeps how and when it was decided'
);
select is(jsonb_array_length(pg_temp.open_conflicts()), 5, 'it is no longer listed');
select throws_ok(
  $$ select pg_temp.resolve(pg_temp.conflict_id(1), '{"take": "server"}') $$,
  'PT404', 'conflict_not_open', 'it cannot be decided twice'
);

select is(
  pg_temp.resolve(pg_temp.conflict_id(1), '{"take": "client"}'),
  (select a from answer),
  'the same decision again is answered again'
);
select is(pg_temp.version(1), 3::bigint, 'and changes nothing');
select throws_ok(
  $$ select pg_temp.resolve(pg_temp.conflict_id(1), '{"take": "client"}', 'b') $$,
  'PT404', 'conflict_not_open', 'another user is not told the decision'
);

-- The stored side.
select is(
  pg_temp.resolve(pg_temp.conflict_id(2), '{"take": "server"}') - 'row',
  jsonb_build_object('conflict_id', pg_temp.conflict_id(2), 'status', 'resolved', 'version', 2),
  'take server: the version stays'
);
select is(pg_temp.name(2), 't', 'the stored value stays');
select is(jsonb_array_length(pg_temp.open_conflicts()), 4, 'the conflict is closed');

-- A merged row.
select is(
  pg_temp.resolve(pg_temp.conflict_id(3), '{"row": {"name": "t and o", "phone": "new"}}') #>> '{row,name}',
  't and o',
  'row: what the person wrote is stored'
);
select is((select phone from public.resolved where id = pg_temp.id(3)), 'new', 'in every column they sent');
select is(jsonb_array_length(pg_temp.open_conflicts()), 3, 'the conflict is closed');

select is(
  pg_temp.resolve(pg_temp.conflict_id(3), '{"row": {"phone": "new", "name": "t and o"}}') ->> 'version',
  '3',
  'the same row again is answered and changes nothing'
);
select throws_ok(
  $$ select pg_temp.resolve(pg_temp.conflict_id(3), '{"row": {"name": "t and o"}}') $$,
  'PT404', 'conflict_not_open', 'another row is another decision'
);

-- Refusals.
select throws_ok(
  $$ select pg_temp.resolve(pg_temp.conflict_id(4), '{"take": "client"}', 'b') $$,
  'PT404', 'conflict_not_open', 'another user does not find it'
);
select throws_ok(
  $$ select pg_temp.resolve(gen_random_uuid()::text, '{"take": "client"}') $$,
  'PT404', 'conflict_not_open', 'an unknown id is no open conflict'
);
select throws_ok(
  format('select pg_temp.resolve(pg_temp.conflict_id(4), %L)', bad),
  'PT400', 'malformed', format('%s is no resolution', bad)
)
from unnest(array['{}', '[]', 'null', '{"take": "both"}', '{"row": 1}', '{"take": null}']) as bad;
select is(pg_temp.name(4), 't', 'nothing was changed by them');

-- The row's own rules hold for a resolution as for any edit.
select is(
  pg_temp.resolve(pg_temp.conflict_id(5), '{"row": {"name": "darn"}}') #>> '{error,code}',
  'constraint',
  'a resolution that a constraint forbids is rejected'
);
select is(
  pg_temp.resolve(pg_temp.conflict_id(5), '{"row": {"nickname": "x"}}') #>> '{error,code}',
  'unknown_column',
  'a resolution that names no column is rejected'
);
select is(jsonb_array_length(pg_temp.open_conflicts()), 3, 'and the conflict stays open');
select is(
  pg_temp.resolve(pg_temp.conflict_id(5), '{"row": {"version": 99, "deleted_at": "2020-01-01T00:00:00Z", "name": "fine"}}') ->> 'version',
  '3',
  'the stamps of a resolution are not the person''s to set'
);

select * from finish();
rollback;
