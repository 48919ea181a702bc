-- A cursor that has not seen what was purged has a gap: the device is told to start afresh. Its queue stays good.
begin;
\ir ../helpers.psql
select plan(14);

create table public.forgotten (id int primary key, user_id uuid not null default auth.uid(), name text, phone text);
select pg_temp.add_own_table('public.forgotten');
insert into public.forgotten (id, user_id, name) select n, pg_temp.user_id('a'), 'b' from generate_series(1, 3) n;

create function pg_temp.next(cursor jsonb default null) returns jsonb language sql as $$
  select pg_temp.pull(cursor, '{"tables": ["forgotten"]}')
$$;
create temp table cursors as select pg_temp.next() -> 'cursor' as c;
-- The same cursor as of a transaction that is long over.
create function pg_temp.seen_to(xact bigint) returns jsonb language sql as $$
  select c || jsonb_build_object('seen', format('%s:%s:', xact, xact)) from pg_temp.cursors
$$;

update tidemark.settings set purged_to = '5', purged_in = tidemark.epoch();
select is(pg_temp.next(pg_temp.seen_to(6)) -> 'reset', null, 'a cursor that has seen everything that was purged goes on');
select is(
  pg_temp.next(pg_temp.seen_to(5)) - 'server_time',
  '{"changes": [], "joined": [], "left": [], "cursor": null, "more": true, "reset": true}'::jsonb,
  'one that has not is told to start afresh, at once and without a cursor'
);
select is(pg_temp.next(c || '{"seen": "4:9:5"}') -> 'reset', 'true', 'nor has one that was given out while such a transaction ran') from cursors;
select is(pg_temp.next(c || '{"seen": "4:9:4,7"}') -> 'reset', 'true', 'whichever of them it was') from cursors;
select is(pg_temp.next(c || '{"seen": "7:9:7"}') -> 'reset', null, 'a later one does no harm') from cursors;
-- A table that was left out goes on where it was left, and that may be before the purge although the device was not away.
create function pg_temp.left_out(since text) returns jsonb
language sql
as $$
  select c || jsonb_build_object('seen', '9:9:', 'paused', jsonb_build_object(t.table_no::text, since))
  from pg_temp.cursors, tidemark.live_tables t where t.name = 'forgotten'
$$;
select is(pg_temp.next(pg_temp.left_out('5:5:')) -> 'reset', 'true', 'a table that was left out since before a purge is not simply taken up again');
select is(pg_temp.next(pg_temp.left_out('4:9:5')) -> 'reset', 'true', 'nor one left out while what was purged had not ended');
select is(pg_temp.next(pg_temp.left_out('6:6:')) -> 'reset', null, 'one that was left out later is');
update tidemark.settings set purged_in = 'the epoch of the database that a dump came from';
select is(pg_temp.next(pg_temp.seen_to(5)) -> 'reset', null, 'what was purged in another database is no gap of a cursor of this one');
update tidemark.settings set purged_in = tidemark.epoch();
select is(jsonb_array_length(pg_temp.next() #> '{changes,0,upsert}'), 3, 'from the start the device gets everything');

-- What it has queued meanwhile, on a version that the log no longer knows.
update public.forgotten set name = 't' where id = 1;
delete from public.forgotten where id = 2;
update tidemark.sync_changes set at = at - interval '11 years'
where table_no = pg_temp.table_no('forgotten');
alter table public.forgotten disable trigger user;
update public.forgotten set deleted_at = now() - interval '11 years' where id = 2;
alter table public.forgotten enable trigger user;
select tidemark.purge(interval '10 years');
create temp table results as
select value as r from jsonb_array_elements(pg_temp.push(format('[
  {"seq": 1, "table": "forgotten", "op": "patch", "id": "1", "base": 1, "edited_at": %1$s, "data": {"name": "o", "phone": "o"}},
  {"seq": 2, "table": "forgotten", "op": "patch", "id": "2", "base": 1, "edited_at": %1$s, "data": {"name": "o"}},
  {"seq": 3, "table": "forgotten", "op": "delete", "id": "2", "base": 1, "edited_at": %1$s}]', to_json(now() - interval '1 hour'))::json));
select is(r ->> 'status', 'conflict', 'an edit meets every column as a conflict, for the log does not say which of them changed') from results where r ->> 'seq' = '1';
select is(r -> 'lost', '["name", "phone"]'::jsonb, 'by its date it loses, and is told so') from results where r ->> 'seq' = '1';
select is(r #>> '{error,code}', 'not_found', 'an edit of a row that was purged is rejected, and kept by the device') from results where r ->> 'seq' = '2';
select is(r ->> 'status', 'applied', 'a delete of one is done already') from results where r ->> 'seq' = '3';

select * from finish();
rollback;
