-- A device keeps its user, and no other user pushes, pulls or registers with it.
begin;
\ir ../helpers.psql
select plan(7);

create table public.owned_device_rows (id int primary key, user_id uuid not null default auth.uid());
select pg_temp.add_own_table('public.owned_device_rows');

select pg_temp.sign_in('a');
select sync_register_device(pg_temp.device(1), '{"name":"A''s"}');
select pg_temp.sign_in('b');
select throws_ok($$select sync_register_device(pg_temp.device(1), '{"name":"mine"}')$$, 'PT403', 'device_of_another_user', 'another user cannot register it');
select throws_ok(
  $$select pg_temp.push('[{"seq":1,"table":"owned_device_rows","op":"put","id":"1","data":{},"edited_at":"2026-01-01T00:00:00Z"}]')$$,
  'PT403', 'device_of_another_user', 'nor push with it'
);
select throws_ok($$select pg_temp.pull()$$, 'PT403', 'device_of_another_user', 'nor pull with it');
select is(sync_revoke_device(pg_temp.device(1)) ->> 'revoked_at', null, 'nor revoke it');
select is(
  sync_revoke_device(pg_temp.device(1))::jsonb - 'device_id', sync_revoke_device(pg_temp.device(9))::jsonb - 'device_id',
  'revoking a device of another user is answered like revoking one that is not there'
);
select pg_temp.sign_out();
select results_eq(
  $$select d.user_id, d.name, d.last_seq, d.revoked_at from tidemark.sync_devices d where d.device_id = pg_temp.device(1)$$,
  $$values (pg_temp.user_id('a'), 'A''s', 0::bigint, null::timestamptz)$$, 'it is untouched'
);
select is((select count(*) from public.owned_device_rows), 0::bigint, 'and nothing was written');

select * from finish();
rollback;
