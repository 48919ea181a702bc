-- A page names a row once, however often it changed, and sends its current state.
begin;
select plan(4);

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

create table public.busy (id uuid primary key, user_id uuid not null, n int);
alter table public.busy enable row level security;
create policy "own" on public.busy using (user_id = auth.uid());
select tidemark.add_table('public.busy', 'user:user_id');
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select pg_temp.keep('cursor', pg_temp.as_of(pg_temp.pull(null, '{"tables":["busy"]}') -> 'cursor', 1));
reset role;
insert into public.busy select pg_temp.id(n), '00000000-0000-4000-8000-00000000000a', 0 from generate_series(1, 4) n;
update public.busy set n = 1 where id = pg_temp.id(1);
update public.busy set n = 2 where id = pg_temp.id(1);
delete from public.busy where id = pg_temp.id(2);
update public.busy set n = 3 where id = pg_temp.id(3);
delete from public.busy where id = pg_temp.id(3);
update public.busy set user_id = '00000000-0000-4000-8000-00000000000b' where id = pg_temp.id(4);
update public.busy set user_id = '00000000-0000-4000-8000-00000000000a' where id = pg_temp.id(4);
select pg_temp.commit_as(1);

select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select pg_temp.keep('page', pg_temp.pull(pg_temp.kept('cursor'), '{"tables":["busy"]}'));
select is(pg_temp.got(pg_temp.kept('page')), '+1 +4 -2 -3', 'each row is named once');
select is(
  pg_temp.kept('page') #> '{changes,0,upsert,0,n}', '2', 'with what it holds now'
);
select is(pg_temp.kept('page') #> '{changes,0,upsert,0,version}', '3', 'and its version now');
select is(pg_temp.kept('page') #> '{changes,0,upsert,1,version}', '3', 'one that went and came back is here');

select * from finish();
rollback;
