-- A device need not be registered: its first push does that.
begin;
\ir ../helpers.psql
select plan(6);

create table public.introduced (id uuid primary key, user_id uuid not null default auth.uid(), name text);
select pg_temp.add_own_table('public.introduced');

select is(
  pg_temp.as_user('a', 'public.sync_pull(pg_temp.device(1))') -> 'changes',
  '[]'::jsonb, 'a device that is not registered may pull'
);
select is((select count(*) from tidemark.sync_devices where device_id = pg_temp.device(1)), 0::bigint,
  'which does not register it');
select is(
  pg_temp.as_user('a', 'public.sync_push(pg_temp.device(1),
    ''[{"seq": 3, "table": "introduced", "op": "put", "id": "00000000-0000-4000-8000-000000000001", "data": {"name": "x"}}]'')') #>> '{results,0,status}',
  'applied', 'a device that is not registered may push'
);
select is(
  (select row(user_id, last_seq, name)::text from tidemark.sync_devices where device_id = pg_temp.device(1)),
  row(pg_temp.user_id('a'), 3, null::text)::text, 'which registers it'
);
select throws_ok(
  $$ select pg_temp.as_user('b', 'public.sync_push(pg_temp.device(1), ''[]'')') $$,
  'PT403', 'device_of_another_user', 'from then on it is its user''s: another one''s push is refused'
);
select throws_ok(
  $$ select pg_temp.as_user('b', 'public.sync_pull(pg_temp.device(1))') $$,
  'PT403', 'device_of_another_user', 'and their pull'
);

select * from finish();
rollback;
