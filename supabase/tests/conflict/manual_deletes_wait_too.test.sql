-- manual: a delete that met an edit waits, and the row stays until somebody decides.
begin;
select plan(11);

create table public.unsure (id uuid primary key, user_id uuid not null default auth.uid(), name text, phone text);
alter table public.unsure enable row level security;
grant select, insert, update, delete on public.unsure to authenticated;
create policy "own rows" on public.unsure to authenticated using (user_id = (select auth.uid()));
select tidemark.add_table('public.unsure', 'user:user_id', 'manual');

-- A mutation as the signed-in user: {table, op, id, base, …} in, its result out.
create temp sequence seq;
create function pg_temp.push(device text, mutation jsonb, options json default '{}') returns jsonb
language plpgsql
as $$
declare
  numbered json := jsonb_build_array(mutation || jsonb_build_object('seq', nextval('pg_temp.seq')));
  answer jsonb;
begin
  perform set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true),
    set_config('role', 'authenticated', true);
  answer := public.sync_push(format('00000000-0000-4000-8000-0000000000d%s', device)::uuid, numbered, options) -> 'results' -> 0;
  perform set_config('role', 'postgres', true);
  return answer;
end
$$;
create function pg_temp.resolve(who text, conflict text, resolution json) returns jsonb
language plpgsql
as $$
declare
  answer jsonb;
begin
  perform set_config('request.jwt.claims', jsonb_build_object('sub', who, 'role', 'authenticated')::text, true),
    set_config('role', 'authenticated', true);
  answer := public.sync_resolve(conflict::uuid, resolution);
  perform set_config('role', 'postgres', true);
  return answer;
end
$$;
create function pg_temp.open_ones() returns bigint
language plpgsql
as $$
declare
  n bigint;
begin
  perform set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true),
    set_config('role', 'authenticated', true);
  n := json_array_length(public.sync_conflicts());
  perform set_config('role', 'postgres', true);
  return n;
end
$$;

-- Device 1 changed the row, device 2 deleted it without knowing.
create function pg_temp.conflict(row_id text) returns text
language plpgsql
as $$
declare
  mutation jsonb := jsonb_build_object('table', 'unsure', 'id', row_id);
begin
  perform pg_temp.push('0', mutation || '{"op": "put", "data": {"name": "b"}}');
  perform pg_temp.push('1', mutation || '{"op": "patch", "base": 1, "data": {"name": "t"}}');
  return pg_temp.push('2', mutation || '{"op": "delete", "base": 1}') ->> 'conflict_id';
end
$$;
create function pg_temp.gone(n int) returns boolean language sql as $$
  select deleted_at is not null from public.unsure where id = ('00000000-0000-4000-8000-00000000000' || n)::uuid
$$;

create temp table ids as
select n, pg_temp.conflict('00000000-0000-4000-8000-00000000000' || n) as conflict from generate_series(1, 4) n;

select is((select count(conflict) from ids), 4::bigint, 'each delete waits');
select ok(not pg_temp.gone(1), 'and the row stays until it is decided');
select is(
  (select row(op, columns, client, base_version, server_version)::text from tidemark.sync_conflicts where conflict_id = (select conflict::uuid from ids where n = 1)),
  row('delete', '{}'::text[], null::jsonb, 1, 2)::text,
  'the conflict says that it is a delete'
);
select is(
  (select analysis -> 'suggested' from tidemark.sync_conflicts where conflict_id = (select conflict::uuid from ids where n = 1)),
  '{"take": "server"}'::jsonb,
  'to keep the row is what is suggested'
);

select is(
  pg_temp.resolve('00000000-0000-4000-8000-00000000000a', (select conflict from ids where n = 1), '{"take": "client"}') ->> 'status',
  'resolved', 'take client is accepted'
);
select ok(pg_temp.gone(1), 'and deletes the row');
select is(
  pg_temp.resolve('00000000-0000-4000-8000-00000000000a', (select conflict from ids where n = 2), '{"take": "server"}') ->> 'status',
  'resolved', 'take server is accepted'
);
select ok(not pg_temp.gone(2), 'and keeps the row');
select is(
  pg_temp.resolve('00000000-0000-4000-8000-00000000000a', (select conflict from ids where n = 3), '{"row": {"name": "kept"}}') #>> '{row,name}',
  'kept', 'row keeps the row with that content'
);

select is(pg_temp.open_ones(), 1::bigint, 'one is open');
update public.unsure set phone = 'later' where id = '00000000-0000-4000-8000-000000000004';
select is(pg_temp.open_ones(), 1::bigint, 'a later edit leaves the question open: delete it or not');

select * from finish();
rollback;
