-- Whose a device is does not change, and nobody else speaks for it.
begin;
select plan(7);

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

create table public.owned_device_rows (id int primary key, user_id uuid not null default auth.uid());
alter table public.owned_device_rows enable row level security;
create policy "own" on public.owned_device_rows using (user_id = auth.uid());
select tidemark.add_table('public.owned_device_rows', 'user:user_id');

select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select sync_register_device(pg_temp.device(1), '{"name":"A''s"}');
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000b');
select throws_ok($$select sync_register_device(pg_temp.device(1), '{"name":"mine"}')$$, 'PT403', 'device_of_another_user', 'another user cannot register it');
select throws_ok(
  $$select pg_temp.push('[{"seq":1,"table":"owned_device_rows","op":"put","id":"1","data":{},"edited_at":"2026-01-01T00:00:00Z"}]')$$,
  'PT403', 'device_of_another_user', 'nor push with it'
);
select throws_ok($$select pg_temp.pull()$$, 'PT403', 'device_of_another_user', 'nor pull with it');
select is(sync_revoke_device(pg_temp.device(1)) ->> 'revoked_at', null, 'nor revoke it');
select is(
  sync_revoke_device(pg_temp.device(1))::jsonb - 'device_id', sync_revoke_device(pg_temp.device(9))::jsonb - 'device_id',
  'a device of somebody else is revoked like one that is not there'
);
reset role;
select results_eq(
  $$select d.user_id, d.name, d.last_seq, d.revoked_at from tidemark.sync_devices d where d.device_id = pg_temp.device(1)$$,
  $$values ('00000000-0000-4000-8000-00000000000a'::uuid, 'A''s', 0::bigint, null::timestamptz)$$, 'it is untouched'
);
select is((select count(*) from public.owned_device_rows), 0::bigint, 'and nothing was written');

select * from finish();
rollback;
