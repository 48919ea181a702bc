-- Transaction numbers mean nothing in another database, or in one that went back in time: the device is told to
-- start afresh, and never left in silence.
begin;
select plan(8);

create function pg_temp.sign_in(who uuid) returns void language sql as $$
  select set_config('role', 'authenticated', true),
    set_config('request.jwt.claims', json_build_object('sub', who, 'role', 'authenticated')::text, true)
$$;
create function pg_temp.id(n int) returns uuid language sql as $$
  select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid
$$;
-- Devices of this session alone: files that run side by side would wait for each other's.
create function pg_temp.device(n int) returns uuid language sql as $$
  select format('00000000-0000-4000-9000-%s%s', lpad(pg_backend_pid()::text, 9, '0'), lpad(n::text, 3, '0'))::uuid
$$;
create function pg_temp.pull(place jsonb default null, options json default '{}', device uuid default pg_temp.device(1))
returns jsonb language sql as $$
  select sync_pull(device, place::json, options)::jsonb
$$;
create function pg_temp.keep(name text, value jsonb) returns void language sql as $$
  select set_config('test.' || name, value::text, true)
$$;
create function pg_temp.kept(name text) returns jsonb language sql as $$
  select current_setting('test.' || name)::jsonb
$$;
-- One transaction cannot commit twice, so the log's entries are given to transactions of the past, and a
-- cursor the snapshot it would have held then: 1, 2, 3, … stand for transactions that are all visible now.
create function pg_temp.past(n int) returns xid8 language sql security definer as $$
  select (s.purged_to::text::bigint + 10 + n)::text::xid8 from tidemark.settings s
$$;
create function pg_temp.commit_as(n int) returns void language sql as $$
  update tidemark.sync_changes set xact = pg_temp.past(n) where xact = pg_current_xact_id()
$$;
-- The cursor as of when all below n had committed, but for those still running.
create function pg_temp.as_of(place jsonb, n int, running int[] default '{}', field text default 'seen')
returns jsonb language sql as $$
  select place || jsonb_build_object(field, format('%s:%s:%s',
    pg_temp.past(coalesce((select min(r) from unnest(running) r), n)), pg_temp.past(n),
    (select string_agg(pg_temp.past(r)::text, ',' order by r) from unnest(running) r)))
$$;

create table public.restored (id uuid primary key, user_id uuid not null);
alter table public.restored enable row level security;
create policy "own" on public.restored using (user_id = auth.uid());
select tidemark.add_table('public.restored', 'user:user_id');
insert into public.restored values (pg_temp.id(1), '00000000-0000-4000-8000-00000000000a');

select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select pg_temp.keep('cursor', pg_temp.pull(null, '{"tables":["restored"]}') -> 'cursor');
create function pg_temp.resets(place jsonb) returns text language sql as $$
  select concat_ws(' ', 'reset ' || (p ->> 'reset'), 'more ' || (p ->> 'more'), 'cursor ' || coalesce(p ->> 'cursor', 'none'))
  from pg_temp.pull(place, '{"tables":["restored"]}') p
$$;
select is(
  pg_temp.pull(pg_temp.kept('cursor'), '{"tables":["restored"]}') ->> 'reset', null, 'a cursor of this database goes on'
);
select is(pg_temp.resets(pg_temp.kept('cursor') || '{"epoch":"another"}'), 'reset true more true cursor none', 'one of another database does not');
select is(
  pg_temp.resets(pg_temp.kept('cursor') || '{"seen":"9000000000:9000000000:"}'), 'reset true more true cursor none',
  'nor one that is ahead of this database'
);
reset role;
update tidemark.settings set epoch = default;
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select is(pg_temp.resets(pg_temp.kept('cursor')), 'reset true more true cursor none', 'the owner can start a new epoch by hand');
select is(
  pg_temp.pull(null, '{"tables":["restored"]}') #>> '{changes,0,upsert,0,id}', pg_temp.id(1)::text, 'the device then downloads anew'
);

-- A restore in place keeps the epoch and gives numbers out twice: an entry that the cursor counts as seen was written
-- long after the cursor was given out.
reset role;
update tidemark.sync_changes set at = now() - interval '2 days' where xact = pg_current_xact_id();
select pg_temp.commit_as(1);
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select pg_temp.keep('cursor', pg_temp.as_of(
  pg_temp.pull(null, '{"tables":["restored"]}') -> 'cursor' || jsonb_build_object('at', now() - interval '1 day'), 3));
select is(pg_temp.pull(pg_temp.kept('cursor'), '{"tables":["restored"]}') ->> 'reset', null, 'an old cursor is not a lost one');
reset role;
insert into public.restored values (pg_temp.id(2), '00000000-0000-4000-8000-00000000000a');
select pg_temp.commit_as(2);
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select is(pg_temp.resets(pg_temp.kept('cursor')), 'reset true more true cursor none', 'one that claims to have seen what was written later is');

-- A dump may bring any number of entries from far ahead: no pull reads them.
reset role;
insert into tidemark.sync_changes (xact, version, at, table_no, op, scope, row_id)
select (4000000000 + n)::text::xid8, 1, now() - interval '3 days', t.table_no, 'update', 'user:00000000-0000-4000-8000-00000000000a', pg_temp.id(1)::text
from generate_series(1, 500) n, tidemark.live_tables t where t.name = 'restored';
create function pg_temp.entries_read() returns bigint language sql as $$
  select pg_stat_get_xact_tuples_returned('tidemark.sync_changes_pkey'::regclass)
    + pg_stat_get_xact_tuples_returned('tidemark.sync_changes'::regclass)
$$;
select pg_temp.keep('before', to_jsonb(pg_temp.entries_read()));
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select pg_temp.keep('page', pg_temp.pull(pg_temp.pull(null, '{"tables":["restored"]}') -> 'cursor', '{"tables":["restored"]}'));
reset role;
select cmp_ok(pg_temp.entries_read() - pg_temp.kept('before')::bigint, '<', 200::bigint, 'entries from far ahead are not read');

select * from finish();
rollback;
