-- A device need not be registered: its first push does that.
begin;
select plan(6);

create table public.introduced (id uuid primary key, user_id uuid not null default auth.uid(), name text);
alter table public.introduced enable row level security;
grant select, insert, update, delete on public.introduced to authenticated;
create policy "own rows" on public.introduced to authenticated using (user_id = (select auth.uid()));
select tidemark.add_table('public.introduced', 'user:user_id');

-- A call as a signed-in user; null is nobody.
create function pg_temp.call(who text, query text) returns jsonb
language plpgsql
as $$
declare
  answer jsonb;
begin
  perform set_config('request.jwt.claims', coalesce(json_build_object('sub', who, 'role', 'authenticated')::text, ''), true),
    set_config('role', 'authenticated', true);
  if who is null then
    perform set_config('request.jwt.claims', '', true);
  end if;
  execute 'select ' || query into answer;
  perform set_config('role', 'postgres', true);
  return answer;
end
$$;

select is(
  pg_temp.call('00000000-0000-4000-8000-00000000000a', 'public.sync_pull(''00000000-0000-4000-8000-0000000000d1'')') -> 'changes',
  '[]'::jsonb, 'a device that nobody registered may pull'
);
select is((select count(*) from tidemark.sync_devices where device_id = '00000000-0000-4000-8000-0000000000d1'), 0::bigint,
  'which does not register it');
select is(
  pg_temp.call('00000000-0000-4000-8000-00000000000a', 'public.sync_push(''00000000-0000-4000-8000-0000000000d1'',
    ''[{"seq": 3, "table": "introduced", "op": "put", "id": "00000000-0000-4000-8000-000000000001", "data": {"name": "x"}}]'')') #>> '{results,0,status}',
  'applied', 'it may push'
);
select is(
  (select row(user_id, last_seq, name)::text from tidemark.sync_devices where device_id = '00000000-0000-4000-8000-0000000000d1'),
  row('00000000-0000-4000-8000-00000000000a'::uuid, 3, null::text)::text, 'which registers it'
);
select throws_ok(
  $$ select pg_temp.call('00000000-0000-4000-8000-00000000000b', 'public.sync_push(''00000000-0000-4000-8000-0000000000d1'', ''[]'')') $$,
  'PT403', 'device_of_another_user', 'from then on it is its user''s: another one''s push is refused'
);
select throws_ok(
  $$ select pg_temp.call('00000000-0000-4000-8000-00000000000b', 'public.sync_pull(''00000000-0000-4000-8000-0000000000d1'')') $$,
  'PT403', 'device_of_another_user', 'and their pull'
);

select * from finish();
rollback;
