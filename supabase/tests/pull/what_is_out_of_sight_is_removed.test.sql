-- A device drops what its user no longer sees: deleted rows, rows that moved to somebody else, rows that a policy hides.
begin;
select plan(6);

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
-- What a page holds: "+" and the key for an upsert, "-" for a remove; changes in the order sent, their rows by key.
create function pg_temp.got(page jsonb) returns text language sql as $$
  select coalesce(string_agg(e.item, ' ' order by c.n, e.side, e.key), '')
  from jsonb_array_elements(page -> 'changes') with ordinality as c (change, n)
  cross join lateral (
    select '+' || ltrim(split_part(r ->> 'id', '-', 5), '0'), 1, r ->> 'id' from jsonb_array_elements(change -> 'upsert') r
    union all
    select '-' || ltrim(split_part(r, '-', 5), '0'), 2, r from jsonb_array_elements_text(change -> 'remove') r
  ) as e (item, side, key)
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

create table public.sighted (id uuid primary key, user_id uuid not null, hidden boolean not null default false, n int);
alter table public.sighted enable row level security;
create policy "what is not hidden" on public.sighted using (not hidden);
select tidemark.add_table('public.sighted', 'user:user_id');
insert into public.sighted select pg_temp.id(n), '00000000-0000-4000-8000-00000000000a', false, 0 from generate_series(1, 5) n;
insert into public.sighted values (pg_temp.id(6), '00000000-0000-4000-8000-00000000000b', false, 0);
select pg_temp.commit_as(0);
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select pg_temp.keep('cursor', pg_temp.pull(null, '{"tables":["sighted"]}'));
select is(pg_temp.got(pg_temp.kept('cursor')), '+1 +2 +3 +4 +5', 'only the user''s own scope is downloaded, even where policies show more');
select pg_temp.keep('cursor', pg_temp.as_of(pg_temp.kept('cursor') -> 'cursor', 1));
reset role;
delete from public.sighted where id = pg_temp.id(1);
update public.sighted set user_id = '00000000-0000-4000-8000-00000000000b' where id = pg_temp.id(2);
update public.sighted set hidden = true where id = pg_temp.id(3);
update public.sighted set n = 1 where id in (pg_temp.id(4), pg_temp.id(6));
update public.sighted set id = pg_temp.id(7) where id = pg_temp.id(5);
insert into public.sighted values (pg_temp.id(8), '00000000-0000-4000-8000-00000000000a', true, 0);
select pg_temp.commit_as(1);

select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select pg_temp.keep('page', pg_temp.pull(pg_temp.kept('cursor'), '{"tables":["sighted"]}'));
select is(
  pg_temp.got(pg_temp.kept('page')), '+4 +7 -1 -2 -3 -5 -8',
  'deleted, moved, hidden and renamed rows are removed, and one that was never seen is not shown'
);
select unalike(
  (pg_temp.kept('page') -> 'changes')::text, '%00000000000b%', 'nothing tells whose a moved row is now'
);
reset role;
update public.sighted set hidden = false where id = pg_temp.id(3);
select pg_temp.commit_as(2);
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select is(
  pg_temp.got(pg_temp.pull(pg_temp.as_of(pg_temp.kept('cursor'), 2), '{"tables":["sighted"]}')), '+3', 'one that comes into sight again is sent'
);
select is(
  (select string_agg(change ->> 'scope', ' ') from jsonb_array_elements(pg_temp.kept('page') -> 'changes') change),
  'user:00000000-0000-4000-8000-00000000000a', 'all of it under the user''s scope'
);
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000b');
select sync_register_device(pg_temp.device(2));
select is(
  pg_temp.got(sync_pull(pg_temp.device(2), pg_temp.kept('cursor')::json, '{"tables":["sighted"]}')::jsonb), '+2 +6', 'the new owner gets the moved row'
);

select * from finish();
rollback;
