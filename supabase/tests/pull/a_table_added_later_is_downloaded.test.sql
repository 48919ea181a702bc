-- Devices in the field hear of a new table with their next pull, and of one that is dropped never again.
begin;
select plan(5);

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

create table public.early (id uuid primary key, user_id uuid not null);
create table public.late (id uuid primary key, user_id uuid not null);
alter table public.early enable row level security;
alter table public.late enable row level security;
create policy "own" on public.early using (user_id = auth.uid());
create policy "own" on public.late using (user_id = auth.uid());
select tidemark.add_table('public.early', 'user:user_id');
insert into public.early values (pg_temp.id(1), '00000000-0000-4000-8000-00000000000a');
insert into public.late values (pg_temp.id(2), '00000000-0000-4000-8000-00000000000a');
select pg_temp.commit_as(0);
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select pg_temp.keep('cursor', pg_temp.as_of(pg_temp.pull() -> 'cursor', 1));
reset role;
select tidemark.add_table('public.late', 'user:user_id');
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select is(pg_temp.got(pg_temp.pull(pg_temp.kept('cursor'))), '+2', 'a table added since comes whole');
reset role;
drop table public.early;
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select lives_ok($$select pg_temp.pull(pg_temp.kept('cursor'))$$, 'a table dropped since fails no pull');
reset role;
create table public.early (id uuid primary key, user_id uuid not null);
insert into public.early values (pg_temp.id(3), '00000000-0000-4000-8000-00000000000a');
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select lives_ok($$select pg_temp.pull()$$, 'nor does another one under its name');
select lives_ok($$select pg_temp.pull(pg_temp.kept('cursor'))$$, 'from whatever cursor');
create function pg_temp.pulled() returns text language plpgsql as $$
begin
  return pg_temp.got(pg_temp.pull());
exception when others then
  return sqlerrm;
end
$$;
select is(pg_temp.pulled(), '+2', 'it is not synced until it is added');

select * from finish();
rollback;
