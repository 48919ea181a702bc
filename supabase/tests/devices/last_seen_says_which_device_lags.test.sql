-- A device's lag is the time since it was last heard of: a push, or registering.
begin;
\ir ../helpers.psql
select plan(7);

create table public.seen_rows (id uuid primary key, user_id uuid not null default auth.uid(), name text);
select pg_temp.add_own_table('public.seen_rows');

create function pg_temp.lag() returns numeric
language sql
as $$
  select (d ->> 'lag_seconds')::numeric
  from jsonb_array_elements(pg_temp.as_user('a', 'public.sync_devices()')) d
  where d ->> 'device_id' = pg_temp.device(1)::text
$$;
create function pg_temp.away() returns void
language sql
as $$
  update tidemark.sync_devices set last_seen_at = now() - interval '90 minutes', registered_at = now() - interval '2 days'
  where device_id = pg_temp.device(1)
$$;

select pg_temp.as_user('a', 'public.sync_register_device(pg_temp.device(1))');
select pg_temp.away();
select is(pg_temp.lag(), 5400::numeric, 'the lag is the time since the device was last seen');
select pg_temp.as_user('a', 'public.sync_register_device(pg_temp.device(1))');
select is(pg_temp.lag(), 0::numeric, 'registering is a sign of life');

select pg_temp.away();
select pg_temp.as_user('a', 'public.sync_push(pg_temp.device(1), ''[]'')');
select is(pg_temp.lag(), 0::numeric, 'so is a push, even an empty one');

select pg_temp.away();
select pg_temp.as_user('a', 'public.sync_pull(pg_temp.device(1))');
select is(pg_temp.lag(), 5400::numeric, 'a pull writes nothing');

select pg_temp.as_user('a', 'public.sync_push(pg_temp.device(1),
  ''[{"seq": 7, "table": "seen_rows", "op": "put", "id": "00000000-0000-4000-8000-000000000001", "data": {"name": "x"}}]'')');
select is(
  pg_temp.as_user('a', 'public.sync_devices()') #>> '{0,last_seq}', '7', 'the list says how far a device''s edits got'
);
select is(
  pg_temp.as_user('a', 'public.sync_register_device(pg_temp.device(1))') ->> 'last_seq',
  '7', 'a device that was restored from a backup learns which of its numbers are used'
);
select is(
  pg_temp.as_user('a', 'public.sync_register_device(pg_temp.device(2))') ->> 'last_seq',
  '0', 'each device counts for itself'
);

select * from finish();
rollback;
