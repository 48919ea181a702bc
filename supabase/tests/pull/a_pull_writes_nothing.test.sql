-- A pull runs on read replicas and by GET: it is stable, and leaves no trace.
begin;
select plan(3);

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

create table public.read_only_rows (id uuid primary key, user_id uuid not null);
alter table public.read_only_rows enable row level security;
create policy "own" on public.read_only_rows using (user_id = auth.uid());
select tidemark.add_table('public.read_only_rows', 'user:user_id');
insert into public.read_only_rows values (pg_temp.id(1), '00000000-0000-4000-8000-00000000000a');
select volatility_is('public', 'sync_pull', array['uuid', 'json', 'json'], 'stable', 'sync_pull is stable');
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
set transaction read only;
select lives_ok($$select pg_temp.pull()$$, 'it runs in a read-only transaction');
select lives_ok($$select pg_temp.pull(pg_temp.pull() -> 'cursor')$$, 'also with a cursor');

select * from finish();
rollback;
