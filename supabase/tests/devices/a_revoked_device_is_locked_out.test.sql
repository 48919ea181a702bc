-- Revoking takes effect with the next call; the device's past stays on record.
begin;
select plan(8);

create function pg_temp.sign_in(who uuid) returns void language sql as $$
  select set_config('role', 'authenticated', true),
    set_config('request.jwt.claims', json_build_object('sub', who, 'role', 'authenticated')::text, true)
$$;
-- Devices of this session alone: files that run side by side would wait for each other's.
create function pg_temp.device(n int) returns uuid language sql as $$
  select format('00000000-0000-4000-9000-%s%s', lpad(pg_backend_pid()::text, 9, '0'), lpad(n::text, 3, '0'))::uuid
$$;
create function pg_temp.push(mutations json, options json default '{}', device uuid default pg_temp.device(1))
returns jsonb language sql as $$
  select sync_push(device, mutations, options)::jsonb -> 'results'
$$;
create function pg_temp.pull(place jsonb default null, options json default '{}', device uuid default pg_temp.device(1))
returns jsonb language sql as $$
  select sync_pull(device, place::json, options)::jsonb
$$;

create table public.revoked_device_rows (id int primary key, user_id uuid not null default auth.uid());
alter table public.revoked_device_rows enable row level security;
create policy "own" on public.revoked_device_rows using (user_id = auth.uid());
select tidemark.add_table('public.revoked_device_rows', 'user:user_id');

select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
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
select lives_ok($$select pg_temp.pull(device => pg_temp.device(2))$$, 'the user''s other devices go on');

select * from finish();
rollback;
