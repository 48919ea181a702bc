-- Revoking takes effect with the next call; the device's past stays on record.
begin;
\ir ../helpers.psql
select plan(8);

create table public.revoked_device_rows (id int primary key, user_id uuid not null default auth.uid());
select pg_temp.add_own_table('public.revoked_device_rows');

select pg_temp.sign_in('a');
select pg_temp.push('[{"seq":1,"table":"revoked_device_rows","op":"put","id":"1","data":{},"edited_at":"2026-01-01T00:00:00Z"}]');
select sync_register_device(pg_temp.device(2));
select is((sync_revoke_device(pg_temp.device(1)) ->> 'revoked_at')::timestamptz, now(), 'a user revokes a device of theirs');
select throws_ok(
  $$select pg_temp.push('[{"seq":2,"table":"revoked_device_rows","op":"put","id":"2","data":{},"edited_at":"2026-01-01T00:00:00Z"}]')$$,
  'PT403', 'device_revoked', 'it cannot push any more'
);
select throws_ok($$select pg_temp.pull()$$, 'PT403', 'device_revoked', 'nor pull');
select throws_ok($$select sync_register_device(pg_temp.device(1), '{}')$$, 'PT403', 'device_revoked', 'nor register itself again');
select is((select count(*) from public.revoked_device_rows), 1::bigint, 'nothing more is written');
select is(
  (select d ->> 'last_seq' from jsonb_array_elements(sync_devices()::jsonb) d where d ->> 'revoked_at' is not null), '1',
  'it stays listed, as revoked'
);
select is((sync_revoke_device(pg_temp.device(1)) ->> 'revoked_at')::timestamptz, now(), 'revoking again keeps the instant');
select lives_ok($$select pg_temp.pull(device => 2)$$, 'the user''s other devices go on');

select * from finish();
rollback;
