-- A policy that is a function of the app's sees both sides, the values before the edit, and what it is about.
begin;
\ir ../helpers.psql
select plan(9);

create table public.told (server jsonb, client jsonb, old jsonb, context jsonb);
grant insert on public.told to authenticated;
create function public.listen(server jsonb, client jsonb, old jsonb, context jsonb) returns jsonb
language plpgsql
as $$
begin
  insert into public.told values (server, client, old, context);
  if client ->> 'name' = 'stubborn' then
    raise exception 'this function cannot decide' using hint = 'Ask a person.';
  end if;
  return null;
end
$$;
create table public.judged (id uuid primary key, user_id uuid not null default auth.uid(), name text, phone text, visits int);
select pg_temp.add_own_table('public.judged', 'function:public.listen', '{"visits": "sum"}');

select pg_temp.push_one(0, '{"table": "judged", "op": "put", "id": "00000000-0000-4000-8000-000000000001", "data": {"name": "b", "phone": "b", "visits": 1}}');
select pg_temp.push_one(1, jsonb_build_object('table', 'judged', 'op', 'patch', 'id', '00000000-0000-4000-8000-000000000001', 'base', 1,
  'edited_at', now() - interval '10 minutes', 'data', '{"name": "t", "visits": 2}'::jsonb));
create temp table answer as
select pg_temp.push_one(2, jsonb_build_object('table', 'judged', 'op', 'patch', 'id', '00000000-0000-4000-8000-000000000001', 'base', 1,
  'edited_at', now() - interval '5 minutes', 'data', '{"name": "o", "phone": "o", "visits": 3}'::jsonb, 'old', '{"name": "b", "visits": 1}'::jsonb)) as a;

select is((select count(*) from public.told), 1::bigint, 'the function is asked once an edit');
select is(server ->> 'name', 't', 'it sees the stored row') from public.told;
select is(client ->> 'name' || (client ->> 'phone'), 'oo', 'and the row as the device would have it') from public.told;
select is(old, '{"name": "b", "visits": 1}'::jsonb, 'and the values before the edit') from public.told;
select is(
  context - 'edited_at',
  '{"table": "judged", "id": "00000000-0000-4000-8000-000000000001", "op": "patch", "columns": ["name"],
    "user_id": "00000000-0000-4000-8000-00000000000a", "base_version": 1, "version": 2, "client_is_newer": true}'::jsonb
    || jsonb_build_object('device_id', pg_temp.device(2)),
  'and of which table, row, columns, device, user and versions it is: columns with a rule of their own are decided'
) from public.told;
select is((select row(name, phone, visits)::text from public.judged), row('t', 'o', 4)::text, 'null keeps the stored side');
select is(a -> 'lost', '["name"]', 'which the device is told') from answer;

select is(
  pg_temp.push_one(3, '{"table": "judged", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1, "data": {"name": "stubborn"}}')
    -> 'error',
  '{"code": "constraint", "message": "this function cannot decide", "hint": "Ask a person."}'::jsonb,
  'a function that raises rejects this edit, in its own words'
);

-- The row that two devices created.
select pg_temp.push_one(1, jsonb_build_object('table', 'judged', 'op', 'put', 'id', '00000000-0000-4000-8000-000000000002', 'base', null,
  'edited_at', now() - interval '10 minutes', 'data', '{"name": "t"}'::jsonb));
select pg_temp.push_one(2, jsonb_build_object('table', 'judged', 'op', 'put', 'id', '00000000-0000-4000-8000-000000000002', 'base', null,
  'edited_at', now() - interval '5 minutes', 'data', '{"name": "o"}'::jsonb));
select is(
  (select context -> 'client_is_newer' from public.told where context ->> 'id' = '00000000-0000-4000-8000-000000000002'),
  'true'::jsonb,
  'it is told who is newer also where two devices created the row'
);

select * from finish();
rollback;
