-- A revoked device stays revoked, whatever it held; to others it is as if it were not there.
begin;
\ir ../helpers.psql
select plan(11);

select pg_temp.as_user('a', format('public.sync_register_device(%L)', d))
from unnest(array[pg_temp.device(1), pg_temp.device(2)]) d;

select is(
  pg_temp.as_user('b', 'public.sync_revoke_device(pg_temp.device(1))'),
  jsonb_build_object('device_id', pg_temp.device(1), 'revoked_at', null),
  'another user cannot revoke it, and learns nothing of it'
);
select is(
  pg_temp.as_user('b', 'public.sync_revoke_device(pg_temp.device(9))') -> 'revoked_at',
  'null'::jsonb, 'a device that does not exist is answered alike'
);
select is(
  (pg_temp.as_user('a', 'public.sync_revoke_device(pg_temp.device(1))') ->> 'revoked_at')::timestamptz,
  now(), 'its owner revokes it'
);
update tidemark.sync_devices set revoked_at = now() - interval '1 day' where device_id = pg_temp.device(1);
select is(
  (pg_temp.as_user('a', 'public.sync_revoke_device(pg_temp.device(1))') ->> 'revoked_at')::timestamptz,
  now() - interval '1 day', 'revoking it again keeps the first date'
);
select throws_ok(
  $$ select pg_temp.as_user('a', 'public.sync_push(pg_temp.device(1), ''[]'')') $$,
  'PT403', 'device_revoked', 'not even an empty push passes'
);

-- With a cursor from before.
create temp table cursors as
select pg_temp.as_user('a', 'public.sync_pull(pg_temp.device(2))') -> 'cursor' as c;
select lives_ok(
  $$ select pg_temp.as_user('a', format('public.sync_pull(pg_temp.device(2), %L)', c)) from pg_temp.cursors $$,
  'the user''s other device goes on'
);
select throws_ok(
  $$ select pg_temp.as_user('a', format('public.sync_pull(pg_temp.device(1), %L)', c)) from pg_temp.cursors $$,
  'PT403', 'device_revoked', 'a cursor from before does not help the revoked one'
);

-- Status and the operator's view.
select is(
  pg_temp.as_user('a', 'public.sync_status()') ->> 'devices', '1', 'the user''s status counts devices in use'
);
select cmp_ok((tidemark.health() #>> '{devices,revoked}')::int, '>=', 1, 'health counts the revoked');
select isnt(
  tidemark.health() #>> '{devices,slowest,device_id}', pg_temp.device(1)::text, 'a revoked device is not the slowest'
);
set local role authenticated;
select throws_ok(
  $$ select public.sync_revoke_device(pg_temp.device(2)) $$, 'PT401', 'not_signed_in', 'a device is not revoked without signing in'
);
reset role;

select * from finish();
rollback;
