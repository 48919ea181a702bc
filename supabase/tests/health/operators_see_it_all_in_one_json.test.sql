-- tidemark.health(): one json for operators.
begin;
\ir ../helpers.psql
select plan(20);

create table public.watched (id bigint primary key, user_id uuid not null default auth.uid(), name text constraint short check (length(name) < 5));

create temp table seen (step text, h jsonb);
insert into seen values ('before', tidemark.health());
select pg_temp.add_own_table('public.watched', 'manual');

select is(
  (select array_agg(k order by k) from seen, jsonb_object_keys(h) k),
  array['devices', 'log', 'mutations', 'oldest_transaction', 'open_conflicts', 'purged_to', 'rejected', 'server_time', 'tables'],
  'health has one entry a question'
);
select is(
  (select array_agg(k order by k) from seen, jsonb_object_keys(h -> 'log') k), array['bytes', 'entries_estimated', 'oldest_entry'],
  'the log: entries, bytes, age'
);
select is((select (h ->> 'server_time')::timestamptz from seen), now(), 'health says when it was asked');

select pg_temp.push('[
  {"seq": 1, "table": "watched", "op": "put", "id": "1", "data": {"name": "b"}},
  {"seq": 2, "table": "watched", "op": "put", "id": "2", "data": {"name": "b"}},
  {"seq": 3, "table": "watched", "op": "put", "id": "3", "data": {"name": "far too long"}},
  {"seq": 4, "table": "nowhere", "op": "put", "id": "3", "data": {"name": "b"}}]', device => 1);
select pg_temp.push('[
  {"seq": 1, "table": "watched", "op": "patch", "id": "1", "base": 1, "data": {"name": "t"}}]', device => 2);
select pg_temp.push('[
  {"seq": 4, "table": "nowhere", "op": "put", "id": "3", "data": {"name": "b"}},
  {"seq": 5, "table": "watched", "op": "patch", "id": "1", "base": 1, "data": {"name": "o"}}]', device => 1);
insert into seen values ('after', tidemark.health());

create function pg_temp.grown(path text[]) returns bigint
language sql
as $$
  select (select (h #>> path)::bigint from pg_temp.seen where step = 'after') - coalesce((select (h #>> path)::bigint from pg_temp.seen where step = 'before'), 0)
$$;
select is(pg_temp.grown('{tables}'), 1::bigint, 'tables: how many are synced');
select is(pg_temp.grown('{devices,known}'), 2::bigint, 'devices: how many there are');
select is(pg_temp.grown('{devices,revoked}'), 0::bigint, 'and how many of them are revoked');
select is(
  (select h #> '{mutations,watched}' from seen where step = 'after'), '{"applied": 3, "rejected": 1, "conflict": 1}'::jsonb,
  'mutations: how many of each table by status'
);
select is(pg_temp.grown('{mutations,"",rejected}'), 1::bigint, 'tables that are not synced are counted together');
select is(pg_temp.grown('{mutations,"",duplicate}'), 1::bigint, 'and repetitions');
select is(pg_temp.grown('{rejected}'), 2::bigint, 'rejected: all of them');
select is(pg_temp.grown('{open_conflicts}'), 1::bigint, 'open conflicts');
select cmp_ok(pg_temp.grown('{log,bytes}'), '>=', 0::bigint, 'the log''s size');

-- Ages.
update tidemark.sync_devices set last_seen_at = now() - interval '9 years' where device_id = pg_temp.device(1);
update tidemark.sync_devices set last_seen_at = now() - interval '10 years' where device_id = pg_temp.device(2);
update tidemark.sync_changes set at = now() - interval '11 years' where row_id = '2' and table_no = pg_temp.table_no('watched');
insert into seen values ('later', tidemark.health());
select is(
  (select h #> '{devices,slowest}' from seen where step = 'later') - 'last_seen_at',
  jsonb_build_object('device_id', pg_temp.device(2), 'user_id', pg_temp.user_id('a')),
  'the slowest device and whose it is'
);
select is((select (h #>> '{devices,slowest,last_seen_at}')::timestamptz from seen where step = 'later'), now() - interval '10 years', 'and since when');
select is((select (h #>> '{log,oldest_entry}')::timestamptz from seen where step = 'later'), now() - interval '11 years', 'the log''s oldest entry');

-- Who may ask.
select pg_temp.sign_in('a');
select throws_ok('select tidemark.health()', '42501', null, 'a user may not');
set local role anon;
select throws_ok('select tidemark.health()', '42501', null, 'nor may anon');
set local role service_role;
select throws_ok('select tidemark.health()', '42501', null, 'nor the service role through the API');
reset role;
select ok(
  (select s.tables - 1 = (select (h ->> 'tables')::bigint from seen where step = 'before') from (select (tidemark.health() ->> 'tables')::bigint as tables) s),
  'the project''s owner may'
);
drop table public.watched;
select is((tidemark.health() ->> 'tables')::bigint, (select (h ->> 'tables')::bigint from seen where step = 'before'), 'a table that was dropped is no longer synced');

select * from finish();
rollback;
