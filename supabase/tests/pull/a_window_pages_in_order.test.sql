-- Changes come in windows. A window keeps its end while it is paged, so what commits meanwhile comes in the next one,
-- and the pages together name every change exactly once.
begin;
select plan(7);

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

create table public.windowed (id uuid primary key, user_id uuid not null, n int);
alter table public.windowed enable row level security;
create policy "own" on public.windowed using (user_id = auth.uid());
select tidemark.add_table('public.windowed', 'user:user_id');
create function pg_temp.next(size int) returns text language plpgsql as $$
declare
  page jsonb;
begin
  page := pg_temp.pull(pg_temp.kept('cursor'), json_build_object('limit', size, 'tables', array['windowed']));
  perform pg_temp.keep('cursor', page -> 'cursor');
  return pg_temp.got(page) || case when (page ->> 'more')::boolean then ' …' else '' end;
end
$$;
-- What somebody else commits while this device pages: its number lies behind the end of the open window.
create function pg_temp.window_ends_at(n int) returns void language sql as $$
  select pg_temp.keep('cursor', pg_temp.as_of(pg_temp.kept('cursor'), n, field => 'upto'))
$$;

select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select pg_temp.keep('cursor', pg_temp.as_of(pg_temp.pull(null, '{"tables":["windowed"]}') -> 'cursor', 1));
reset role;
insert into public.windowed select pg_temp.id(n), '00000000-0000-4000-8000-00000000000a', n from generate_series(1, 5) n;
select pg_temp.commit_as(1);

select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select is(pg_temp.next(2), '+1 +2 …', 'the first page of the window');
select pg_temp.window_ends_at(2);
reset role;
insert into public.windowed values (pg_temp.id(6), '00000000-0000-4000-8000-00000000000a', 6);
update public.windowed set n = -1 where id in (pg_temp.id(1), pg_temp.id(5));
delete from public.windowed where id = pg_temp.id(4);
select pg_temp.commit_as(2);
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select is(pg_temp.next(2), '+3 -4 …', 'a row named by the window is sent as it is by now: deleted meanwhile, it is removed');
select is(pg_temp.next(2), '+5 …', 'the window ends with what it had when it opened');
select is(pg_temp.next(3), '+1 +5 +6 …', 'what was committed meanwhile comes in the next window');
select is(pg_temp.next(3), '-4 …', 'to its end');
select is(pg_temp.next(3), '', 'and once more, in case there is another window by now');
select is((pg_temp.pull(pg_temp.kept('cursor'), '{"tables":["windowed"]}') ->> 'more')::boolean, false, 'then there is nothing more');

select * from finish();
rollback;
