-- A revoked device stays revoked, whatever it held; to others it is as if it were not there.
begin;
\ir ../helpers.psql
select plan(11);

select pg_temp.call(pg_temp.user_id('a'), format('public.sync_register_device(%L)', d))
from unnest(array['00000000-0000-4000-8000-0000000000d1', '00000000-0000-4000-8000-0000000000d2']) d;

select is(
  pg_temp.call(pg_temp.user_id('b'), 'public.sync_revoke_device(''00000000-0000-4000-8000-0000000000d1'')'),
  '{"device_id": "00000000-0000-4000-8000-0000000000d1", "revoked_at": null}'::jsonb,
  'another user cannot revoke it, and learns nothing of it'
);
select is(
  pg_temp.call(pg_temp.user_id('b'), 'public.sync_revoke_device(''00000000-0000-4000-8000-0000000000dd'')') -> 'revoked_at',
  'null'::jsonb, 'a device that does not exist is answered alike'
);
select is(
  (pg_temp.call(pg_temp.user_id('a'), 'public.sync_revoke_device(''00000000-0000-4000-8000-0000000000d1'')') ->> 'revoked_at')::timestamptz,
  now(), 'its owner revokes it'
);
update tidemark.sync_devices set revoked_at = now() - interval '1 day' where device_id = '00000000-0000-4000-8000-0000000000d1';
select is(
  (pg_temp.call(pg_temp.user_id('a'), 'public.sync_revoke_device(''00000000-0000-4000-8000-0000000000d1'')') ->> 'revoked_at')::timestamptz,
  now() - interval '1 day', 'revoking it again keeps the first date'
);
select throws_ok(
  $$ select pg_temp.call(pg_temp.user_id('a'), 'public.sync_push(''00000000-0000-4000-8000-0000000000d1'', ''[]'')') $$,
  'PT403', 'device_revoked', 'not even an empty push passes'
);

-- With a cursor from before.
create temp table cursors as
select pg_temp.call(pg_temp.user_id('a'), 'public.sync_pull(''00000000-0000-4000-8000-0000000000d2'')') -> 'cursor' as c;
select lives_ok(
  $$ select pg_temp.call(pg_temp.user_id('a'), format('public.sync_pull(''00000000-0000-4000-8000-0000000000d2'', %L)', c)) from pg_temp.cursors $$,
  'the user''s other device goes on'
);
select throws_ok(
  $$ select pg_temp.call(pg_temp.user_id('a'), format('public.sync_pull(''00000000-0000-4000-8000-0000000000d1'', %L)', c)) from pg_temp.cursors $$,
  'PT403', 'device_revoked', 'a cursor from before does not help the revoked one'
);

-- Status and the operator's view.
select is(
  pg_temp.call(pg_temp.user_id('a'), 'public.sync_status()') ->> 'devices', '1', 'the user''s status counts devices in use'
);
select cmp_ok((tidemark.health() #>> '{devices,revoked}')::int, '>=', 1, 'health counts the revoked');
select isnt(
  tidemark.health() #>> '{devices,slowest,device_id}', '00000000-0000-4000-8000-0000000000d1', 'a revoked device is not the slowest'
);
select throws_ok(
  $$ select pg_temp.call(null, 'public.sync_revoke_device(''00000000-0000-4000-8000-0000000000d2'')') $$,
  'PT401', 'not_signed_in', 'nobody revokes without signing in'
);

select * from finish();
rollback;
