-- A conflict whose columns changed again, or whose row was deleted, is no longer a question.
begin;
\ir ../helpers.psql
select plan(9);

create table public.moved (id uuid primary key, user_id uuid not null default auth.uid(), name text, phone text);
select pg_temp.add_own_table('public.moved', 'manual');

create temp table before as
select (tidemark.health() ->> 'open_conflicts')::bigint as n;
create temp table conflicts as
select n, pg_temp.conflict('moved', pg_temp.id(n)::text, '{"name": "b", "phone": "b"}', '{"name": "t"}', '{"name": "o"}') ->> 'conflict_id' as id from generate_series(1, 3) n;

update public.moved set phone = 'new' where id = pg_temp.id(1);
select is(jsonb_array_length(pg_temp.open_conflicts()), 3, 'a change of other columns leaves it open');
update public.moved set name = 'new' where id = pg_temp.id(1);
select is(jsonb_array_length(pg_temp.open_conflicts()), 2, 'a change of its column closes it');
select throws_ok(
  $$ select pg_temp.resolve((select id from pg_temp.conflicts where n = 1), '{"take": "client"}') $$,
  'PT404', 'conflict_not_open', 'it can then not be decided any more'
);
select is((select name from public.moved where id = pg_temp.id(1)), 'new', 'and the newer value stays');
delete from public.moved where id = pg_temp.id(2);
select is(jsonb_array_length(pg_temp.open_conflicts()), 1, 'a delete of the row closes it');

-- An operator counts as the user does, and what is closed stays closed when the log is gone.
select is((tidemark.health() ->> 'open_conflicts')::bigint, (select n from before) + 1, 'health counts the open ones only');
update tidemark.sync_changes set at = at - interval '1 year'
where table_no = pg_temp.table_no('moved');
select lives_ok($$ select tidemark.purge(interval '100 days') $$, 'the log is purged');
select is(jsonb_array_length(pg_temp.open_conflicts()), 1, 'a conflict that was closed stays closed');
select is(
  pg_temp.resolve((select id from pg_temp.conflicts where n = 3), '{"take": "client"}') ->> 'status',
  'resolved', 'one that was open stays open'
);

select * from finish();
rollback;
