-- tidemark.purge(keep): tombstones and log entries go when they are older than keep, nothing else does.
begin;
\ir ../helpers.psql
select plan(25);

create table public.purged (id int primary key, user_id uuid not null, name text);
create table public.kept_of_app (id int primary key, user_id uuid not null, deleted_at timestamptz);
alter table public.purged enable row level security;
select tidemark.add_table('public.purged', 'user:user_id');
create function pg_temp.no() returns int language sql as $$ select table_no from tidemark.live_tables where name = 'purged' $$;

insert into public.purged select n, pg_temp.user_id('a') from generate_series(1, 6) n;
insert into public.kept_of_app values (1, pg_temp.user_id('a'), '1999-01-01');
update public.purged set name = 'edited' where id = 1;
delete from public.purged where id in (2, 3, 4);
-- All of it happened eleven years ago, but for the delete of row 4 and a last edit of row 1.
update tidemark.sync_changes set at = now() - interval '11 years' where table_no = pg_temp.no() and (row_id, op) <> ('4', 'delete');
alter table public.purged disable trigger user;
update public.purged set deleted_at = now() - interval '11 years' where id in (2, 3);
alter table public.purged enable trigger user;
update public.purged set name = 'edited again' where id = 1;

insert into tidemark.sync_conflicts (table_no, row_id, user_id, op, columns, client, server, server_version, edited_at, analysis, resolved_at, resolution)
values
  (pg_temp.no(), '1', pg_temp.user_id('a'), 'patch', '{phone}', '{}', '{}', 1, now(), '{}', now() - interval '11 years', 'client'),
  (pg_temp.no(), '1', pg_temp.user_id('a'), 'patch', '{phone}', '{}', '{}', 2, now(), '{}', now() - interval '1 year', 'client'),
  (pg_temp.no(), '1', pg_temp.user_id('a'), 'patch', '{phone}', '{}', '{}', 3, now(), '{}', null, null);

create temp table answer as select tidemark.purge(interval '10 years')::jsonb as a;

select is(a, '{"rows": 2, "log_entries": 9}'::jsonb, 'purge says how much went') from answer;
select is((select array_agg(id order by id) from public.purged), array[1, 4, 5, 6], 'old tombstones are gone, younger ones and rows stay');
select is(
  (select array_agg(row_id || ' ' || op order by id) from tidemark.sync_changes where table_no = pg_temp.no()),
  array['4 delete', '1 update'], 'old log entries are gone, younger ones stay'
);
select is((select count(*) from public.kept_of_app), 1::bigint, 'tables outside of sync are not touched');
select is(
  (select array_agg(server_version order by server_version) from tidemark.sync_conflicts where table_no = pg_temp.no()),
  array[2, 3]::bigint[], 'conflicts that were resolved long ago are gone, open ones stay'
);
select is((select purged_to from tidemark.settings), pg_current_xact_id(), 'the newest transaction that lost an entry is remembered');
select is((select purged_in from tidemark.settings), tidemark.epoch(), 'with the database whose transactions it is one of');
select is(current_setting('tidemark.purging'), '', 'afterwards a delete is a soft delete again');
delete from public.purged where id = 5;
select isnt((select deleted_at from public.purged where id = 5), null, 'as ever');
select is(
  (select array_agg(row_id || ' ' || op order by id) from tidemark.sync_changes where table_no = pg_temp.no()),
  array['4 delete', '1 update', '5 delete'], 'the purge itself is no change that devices hear of'
);
select is(tidemark.purge(interval '10 years')::jsonb, '{"rows": 0, "log_entries": 0}'::jsonb, 'purging again finds nothing');

-- A dump brought entries from a database that was far ahead, and what that one had purged.
insert into tidemark.sync_changes (xact, version, at, table_no, op, scope, row_id)
values ('4000000000', 1, now() - interval '11 years', pg_temp.no(), 'insert', 'user:00000000-0000-4000-8000-00000000000a', '1'),
  ('3', 1, now() - interval '11 years', pg_temp.no(), 'insert', 'user:00000000-0000-4000-8000-00000000000a', '1');
update tidemark.settings set purged_to = '5000000000', purged_in = 'the epoch over there';
do $$ begin perform tidemark.purge(interval '10 years'); end $$;
select is((select array[purged_to::text, purged_in] from tidemark.settings), array['3', tidemark.epoch()],
  'what is ahead of every transaction here is purged without being remembered');

-- The time that is kept.
select throws_ok(format('select tidemark.purge(%s)', keep), 'TM013', null, format('%s is no time to keep', keep))
from unnest(array['null', 'interval ''-1 day''', 'interval ''1 month -40 days''']) as keep;
select lives_ok($$ select tidemark.purge() $$, 'the default is');
select is(
  (select pg_get_function_arguments('tidemark.purge(interval)'::regprocedure)), 'keep interval DEFAULT ''90 days''::interval', 'ninety days'
);
select is((select array_agg(id order by id) from public.purged), array[1, 4, 5, 6], 'what is younger stays');
-- Everything: a transaction's own now() is not before itself.
update tidemark.sync_changes set at = at - interval '1 second' where table_no = pg_temp.no();
alter table public.purged disable trigger user;
update public.purged set deleted_at = deleted_at - interval '1 second';
alter table public.purged enable trigger user;
select lives_ok($$ select tidemark.purge('0') $$, 'nothing need be kept');
select is((select array_agg(id order by id) from public.purged), array[1, 6], 'then only living rows stay');
select is((select count(*) from tidemark.sync_changes where table_no = pg_temp.no()), 0::bigint, 'and no log');

-- Who may.
select pg_temp.sign_in('a');
select throws_ok('select tidemark.purge(interval ''1 second'')', '42501', null, 'a user may not');
set local role anon;
select throws_ok('select tidemark.purge(interval ''1 second'')', '42501', null, 'nor may anon');
set local role service_role;
select throws_ok('select tidemark.purge(interval ''1 second'')', '42501', null, 'nor the service role through the API');
reset role;
select ok(
  (select count(*) > 0 from tidemark.live_tables where name = 'purged') and (select count(*) = 2 from public.purged),
  'nothing happened then'
);

select * from finish();
rollback;
