-- A cursor is opaque: whatever it holds that sync_pull did not put there is answered malformed, and reads nothing.
begin;
select plan(20);

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

create table public.garbled (id uuid primary key, user_id uuid not null);
alter table public.garbled enable row level security;
create policy "own" on public.garbled using (user_id = auth.uid());
select tidemark.add_table('public.garbled', 'user:user_id');
select set_config('test.no', (select t.table_no::text from tidemark.sync_tables t where t.name = 'garbled'), true);
insert into public.garbled values (pg_temp.id(1), '00000000-0000-4000-8000-00000000000a'), (pg_temp.id(2), '00000000-0000-4000-8000-00000000000a');
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select pg_temp.keep('cursor', pg_temp.pull(null, '{"tables":["garbled"],"limit":1}') -> 'cursor');
create function pg_temp.refused(place json, rule text) returns text language sql as $$
  select throws_ok(format('select sync_pull(pg_temp.device(1), %L, ''{"tables":["garbled"]}'')', place), 'PT400', 'malformed', rule)
$$;
create function pg_temp.but(change jsonb) returns json language sql as $$
  select (pg_temp.kept('cursor') || change)::json
$$;

select lives_ok($$select pg_temp.pull(pg_temp.kept('cursor'), '{"tables":["garbled"]}')$$, 'what sync_pull gave out is taken');
select lives_ok($$select sync_pull(pg_temp.device(1), 'null')$$, 'null is no cursor');
select pg_temp.refused('"abc"', 'a text');
select pg_temp.refused('17', 'a number');
select pg_temp.refused('true', 'a boolean');
select pg_temp.refused('[]', 'an array');
select pg_temp.refused('{}', 'an empty object');
select pg_temp.refused('"\u0000"', 'what jsonb cannot hold');
select pg_temp.refused((pg_temp.kept('cursor') - 'seen')::json, 'no snapshot');
select pg_temp.refused((pg_temp.kept('cursor') - 'epoch')::json, 'no epoch');
select pg_temp.refused(pg_temp.but('{"seen":"10:5:"}'), 'a snapshot that is none');
select pg_temp.refused(pg_temp.but('{"seen":{"a":1}}'), 'a snapshot that is an object');
select pg_temp.refused(pg_temp.but('{"upto":"x"}'), 'a window that ends nowhere');
select pg_temp.refused(pg_temp.but('{"after":["x",1]}'), 'a place that is none');
select pg_temp.refused(pg_temp.but('{"tables":"all"}'), 'tables that are no array');
select pg_temp.refused(pg_temp.but('{"tables":["a"]}'), 'tables that are no numbers');
select pg_temp.refused(pg_temp.but('{"boot":"x"}'), 'a download that is no array');
select pg_temp.refused(pg_temp.but('{"boot":[["x"]]}'), 'a download of no table');
select pg_temp.refused(
  pg_temp.but(jsonb_build_object('boot', jsonb_build_array(jsonb_build_array(current_setting('test.no')::int, '00000000-0000-4000-8000-00000000000a', 'no key')))),
  'a download from a key that is none'
);
select pg_temp.refused(pg_temp.but('{"done":"many"}'), 'progress that is no number');

select * from finish();
rollback;
