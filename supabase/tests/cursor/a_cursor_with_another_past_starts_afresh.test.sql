-- Transaction numbers mean nothing in another database, or in one that went back in time: the device is told to
-- start afresh, and never left in silence.
begin;
\ir ../helpers.psql
select plan(8);

create table public.restored (id uuid primary key, user_id uuid not null);
select pg_temp.add_own_table('public.restored');
insert into public.restored values (pg_temp.id(1), pg_temp.user_id('a'));

select pg_temp.sign_in('a');
select pg_temp.save('cursor', pg_temp.pull(null, '{"tables":["restored"]}') -> 'cursor');
create function pg_temp.resets(place jsonb) returns text language sql as $$
  select concat_ws(' ', 'reset ' || (p ->> 'reset'), 'more ' || (p ->> 'more'), 'cursor ' || coalesce(p ->> 'cursor', 'none'))
  from pg_temp.pull(place, '{"tables":["restored"]}') p
$$;
select is(
  pg_temp.pull(pg_temp.saved('cursor'), '{"tables":["restored"]}') ->> 'reset', null, 'a cursor of this database goes on'
);
select is(pg_temp.resets(pg_temp.saved('cursor') || '{"epoch":"another"}'), 'reset true more true cursor none', 'one of another database does not');
select is(
  pg_temp.resets(pg_temp.saved('cursor') || '{"seen":"9000000000:9000000000:"}'), 'reset true more true cursor none',
  'nor one that is ahead of this database'
);
select pg_temp.sign_out();
update tidemark.settings set epoch = default;
select pg_temp.sign_in('a');
select is(pg_temp.resets(pg_temp.saved('cursor')), 'reset true more true cursor none', 'the owner can start a new epoch by hand');
select is(
  pg_temp.pull(null, '{"tables":["restored"]}') #>> '{changes,0,upsert,0,id}', pg_temp.id(1)::text, 'the device then downloads anew'
);

-- A restore in place keeps the epoch and gives numbers out twice: an entry that the cursor counts as seen was written
-- long after the cursor was given out.
select pg_temp.sign_out();
update tidemark.sync_changes set at = now() - interval '2 days' where xact = pg_current_xact_id();
select pg_temp.commit_as(1);
select pg_temp.sign_in('a');
select pg_temp.save('cursor', pg_temp.as_of(
  pg_temp.pull(null, '{"tables":["restored"]}') -> 'cursor' || jsonb_build_object('at', now() - interval '1 day'), 3));
select is(pg_temp.pull(pg_temp.saved('cursor'), '{"tables":["restored"]}') ->> 'reset', null, 'an old cursor is not a lost one');
select pg_temp.sign_out();
insert into public.restored values (pg_temp.id(2), pg_temp.user_id('a'));
select pg_temp.commit_as(2);
select pg_temp.sign_in('a');
select is(pg_temp.resets(pg_temp.saved('cursor')), 'reset true more true cursor none', 'one that claims to have seen what was written later is');

-- A dump may bring any number of entries from far ahead: no pull reads them. Those of tests that run side by side are read
-- either way.
create function pg_temp.entries_read() returns bigint language sql as $$
  select pg_stat_get_xact_tuples_returned('tidemark.sync_changes_pkey'::regclass)
    + pg_stat_get_xact_tuples_returned('tidemark.sync_changes'::regclass)
$$;
create function pg_temp.entries_read_by_a_pull() returns bigint language plpgsql as $$
declare
  before bigint := pg_temp.entries_read();
begin
  perform pg_temp.pull(pg_temp.pull(null, '{"tables":["restored"]}') -> 'cursor', '{"tables":["restored"]}');
  return pg_temp.entries_read() - before;
end
$$;
select pg_temp.sign_out();
-- A log of a few pages would be read whole.
set local enable_seqscan = off;
select pg_temp.save('without', to_jsonb(pg_temp.entries_read_by_a_pull()));
insert into tidemark.sync_changes (xact, version, at, table_no, op, scope, row_id)
select (4000000000 + n)::text::xid8, 1, now() - interval '3 days', pg_temp.table_no('restored'), 'update', 'user:' || pg_temp.user_id('a'), pg_temp.id(1)::text
from generate_series(1, 500) n;
select cmp_ok(
  pg_temp.entries_read_by_a_pull() - pg_temp.saved('without')::bigint, '<', 200::bigint, 'entries from far ahead are not read'
);

select * from finish();
rollback;
