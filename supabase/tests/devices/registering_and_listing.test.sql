-- A user's devices: registered by name or by their first push, listed for their user alone.
begin;
\ir ../helpers.psql
select plan(12);

create table public.listed_device_rows (id int primary key);
select pg_temp.add_public_table('public.listed_device_rows');
create function pg_temp.devices() returns text language sql as $$
  select coalesce(string_agg(concat_ws(' ', ltrim(right(d ->> 'device_id', 3), '0'), d ->> 'name', d ->> 'platform', d ->> 'last_seq'), ', ' order by d ->> 'device_id'), 'none')
  from jsonb_array_elements(sync_devices()::jsonb) d
$$;

select pg_temp.sign_in('a');
select is(pg_temp.devices(), 'none', 'a user starts with no device');
select is(
  sync_register_device(pg_temp.device(1), '{"name":"Phone","platform":"ios","client_version":"1.0"}') ->> 'last_seq', '0',
  'a new device has pushed nothing'
);
select is(sync_register_device(pg_temp.device(2)) ->> 'device_id', pg_temp.device(2)::text, 'a device needs no description');
select is(pg_temp.devices(), '1 Phone ios 0, 2 0', 'both are listed');
select pg_temp.push('[{"seq":7,"table":"listed_device_rows","op":"put","id":"1","data":{},"edited_at":"2026-01-01T00:00:00Z"}]', device => 3);
select is(pg_temp.devices(), '1 Phone ios 0, 2 0, 3 7', 'a push registers its device');
select is(sync_register_device(pg_temp.device(3), '{"name":"Laptop"}') ->> 'last_seq', '7', 'registering again tells how far it had pushed');
select sync_register_device(pg_temp.device(1), '{"name":"Phone 2"}');
select is(pg_temp.devices(), '1 Phone 2 ios 0, 2 0, 3 Laptop 7', 'what a description leaves out stays');
select sync_register_device(pg_temp.device(2), json_build_object('name', repeat('x', 5000)));
select cmp_ok(
  (select length(d ->> 'name') from jsonb_array_elements(sync_devices()::jsonb) d where d ->> 'device_id' = pg_temp.device(2)::text),
  '<=', 200, 'a description is cut to a sane length'
);
select pg_temp.sign_in('b');
select is(pg_temp.devices(), 'none', 'another user sees none of them');
select throws_ok($$select sync_register_device(null)$$, 'PT400', 'malformed', 'a device needs an id');
select throws_ok($$select sync_register_device(pg_temp.device(4), '[]')$$, 'PT400', 'malformed', 'a description is an object');
select is(pg_temp.devices(), 'none', 'a refused call registers nothing');

select * from finish();
rollback;
