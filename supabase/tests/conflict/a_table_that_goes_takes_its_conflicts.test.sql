-- No user can decide a conflict of a table that does not sync any more: it is not counted, and not kept.
begin;
\ir ../helpers.psql
select plan(12);

create function pg_temp.make(table_name text) returns void language plpgsql as $$
begin
  execute format('create table public.%I (id int primary key, owner uuid not null, name text)', table_name);
  perform pg_temp.allow_all(format('public.%I', table_name)::regclass);
  execute format('insert into public.%I values (1, %L)', table_name, pg_temp.user_id('e3'));
  perform tidemark.add_table(format('public.%I', table_name)::regclass, 'user:owner', 'manual');
  insert into tidemark.sync_conflicts (table_no, row_id, user_id, op, columns, client, server, server_version, edited_at, analysis)
  values (pg_temp.table_no(table_name), '1', pg_temp.user_id('e3'), 'patch', '{name}', '{"name": "theirs"}', '{"id": 1}', 1, now(), '{}');
end
$$;
-- as listed, counted for the user, counted for operators, and stored unresolved
create function pg_temp.counts() returns text language sql as $$
  select concat_ws(' ',
    jsonb_array_length(pg_temp.open_conflicts('e3')),
    pg_temp.as_user('e3', 'public.sync_status()') ->> 'open_conflicts',
    (tidemark.health() ->> 'open_conflicts')::int - current_setting('test.others')::int,
    (select count(*) from tidemark.sync_conflicts k where k.user_id = pg_temp.user_id('e3') and k.resolved_at is null))
$$;
select set_config('test.others', tidemark.health() ->> 'open_conflicts', true);

select pg_temp.make('going_removed');
select is(pg_temp.counts(), '1 1 1 1', 'a conflict waits');
select tidemark.remove_table('public.going_removed');
select is(pg_temp.counts(), '0 0 0 0', 'remove_table takes it along');
select tidemark.add_table('public.going_removed', 'user:owner', 'manual');
select is(pg_temp.counts(), '0 0 0 0', 'and it does not come back with the table');

select pg_temp.make('going_dropped');
select is(pg_temp.counts(), '1 1 1 1', 'another one waits');
drop table public.going_dropped;
select is(pg_temp.counts(), '0 0 0 1', 'of a table that was dropped it is not counted');
select tidemark.purge();
select is(pg_temp.counts(), '0 0 0 0', 'and a purge closes it');
select results_eq(
  $$select k.resolution from tidemark.sync_conflicts k where k.user_id = pg_temp.user_id('e3')$$, array['moved on'],
  'as one that was decided by what happened'
);
delete from tidemark.sync_conflicts k where k.user_id = pg_temp.user_id('e3');

select pg_temp.make('going_made_anew');
drop table public.going_made_anew;
select pg_temp.make('going_made_anew');
select is(pg_temp.counts(), '1 1 1 1', 'a table made anew and added has the conflicts of its own rows alone');

alter table public.going_made_anew rename to going_renamed;
select is(pg_temp.counts(), '0 0 0 1', 'under a new name a table does not sync');
alter table public.going_renamed rename to going_made_anew;
select is(pg_temp.counts(), '1 1 1 1', 'under its own it does, and the conflict waits');
alter table public.going_made_anew rename to going_renamed;
select tidemark.add_table('public.going_renamed', 'user:owner', 'manual');
select is(pg_temp.counts(), '1 1 1 1', 'added under the new one it takes the conflict along');
select is(pg_temp.open_conflicts('e3') #>> '{0,table}', 'going_renamed', 'under the new name');

select * from finish();
rollback;
