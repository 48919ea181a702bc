-- The order in which transactions commit is not the order of their numbers. A cursor that was drawn while an older
-- transaction still ran gets its entries later, exactly once, and is not held up meanwhile.
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

create table public.disorder (id uuid primary key, user_id uuid not null, n int);
alter table public.disorder enable row level security;
create policy "own" on public.disorder using (user_id = auth.uid());
select tidemark.add_table('public.disorder', 'user:user_id');
create function pg_temp.next(place jsonb) returns jsonb language sql as $$
  select pg_temp.pull(place, '{"tables":["disorder"]}')
$$;

select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select pg_temp.keep('start', pg_temp.next(null) -> 'cursor');
reset role;
insert into public.disorder values (pg_temp.id(5), '00000000-0000-4000-8000-00000000000a', 5);
select pg_temp.commit_as(5);
insert into public.disorder values (pg_temp.id(6), '00000000-0000-4000-8000-00000000000a', 6);
select pg_temp.commit_as(6);
insert into public.disorder values (pg_temp.id(7), '00000000-0000-4000-8000-00000000000a', 7);
select pg_temp.commit_as(7);
insert into public.disorder values (pg_temp.id(9), '00000000-0000-4000-8000-00000000000a', 9);
select pg_temp.commit_as(9);

select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select is(pg_temp.got(pg_temp.next(pg_temp.as_of(pg_temp.kept('start'), 1))), '+5 +6 +7 +9', 'a cursor from before them all gets them all');
select is(
  pg_temp.got(pg_temp.next(pg_temp.as_of(pg_temp.kept('start'), 8, '{5,6}'))), '+5 +6 +9',
  'one that saw 7 while 5 and 6 were running gets 5 and 6, and not 7 again'
);
select is(pg_temp.got(pg_temp.next(pg_temp.as_of(pg_temp.kept('start'), 8, '{6}'))), '+6 +9', 'one that saw 5, too, gets 6 alone');
select is(pg_temp.got(pg_temp.next(pg_temp.as_of(pg_temp.kept('start'), 10))), '', 'one from after them all gets nothing');
select is(
  pg_temp.got(pg_temp.next(pg_temp.as_of(pg_temp.as_of(pg_temp.kept('start'), 1), 8, '{5}', 'upto') || jsonb_build_object('after', jsonb_build_array(pg_temp.past(1), 0)))),
  '+6 +7', 'a window ends where it ended when it was opened: what ran then is left for the next one'
);
select is(
  pg_temp.got(pg_temp.next(pg_temp.as_of(pg_temp.kept('start'), 8, '{5}'))), '+5 +9', 'where it comes'
);

select * from finish();
rollback;
