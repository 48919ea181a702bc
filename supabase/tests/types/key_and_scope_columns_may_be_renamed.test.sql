-- The key and the scope column may be renamed as any other: the next statement and the next push go by the new name.
begin;
select plan(12);

create table public.renaming (id uuid primary key, user_id uuid not null default auth.uid(), name text);
alter table public.renaming enable row level security;
grant select, insert, update, delete on public.renaming to authenticated;
create policy "own rows" on public.renaming to authenticated using (user_id = (select auth.uid()));
select tidemark.add_table('public.renaming', 'user:user_id');

create temp sequence seq;
create function pg_temp.push(device text, mutation jsonb) returns jsonb
language plpgsql
as $$
declare
  numbered json := jsonb_build_array(mutation || jsonb_build_object('seq', nextval('pg_temp.seq')));
  answer jsonb;
begin
  perform set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true),
    set_config('role', 'authenticated', true);
  answer := public.sync_push(format('00000000-0000-4000-8000-0000000000d%s', device)::uuid, numbered) -> 'results' -> 0;
  perform set_config('role', 'postgres', true);
  return answer;
end
$$;
create function pg_temp.pulled(name text) returns jsonb
language plpgsql
as $$
declare
  answer jsonb;
begin
  perform set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true),
    set_config('role', 'authenticated', true);
  answer := public.sync_pull('00000000-0000-4000-8000-0000000000d9', null, json_build_object('tables', array[name])) #> '{changes,0,upsert}';
  perform set_config('role', 'postgres', true);
  return answer;
end
$$;
select pg_temp.push('0', '{"table": "renaming", "op": "put", "id": "00000000-0000-4000-8000-000000000001", "data": {"name": "b"}}');

alter table public.renaming rename column id to renaming_id;
select lives_ok(
  $$ insert into public.renaming (renaming_id, user_id, name) values ('00000000-0000-4000-8000-000000000002', '00000000-0000-4000-8000-00000000000a', 'sql') $$,
  'a new key name: rows are inserted'
);
select lives_ok($$ update public.renaming set name = 'sql again' where name = 'sql' $$, 'updated');
select lives_ok($$ delete from public.renaming where name = 'sql again' $$, 'and deleted');
select is(
  (select array_agg(op || ' ' || row_id order by id) from tidemark.sync_changes where row_id = '00000000-0000-4000-8000-000000000002'),
  array['insert 00000000-0000-4000-8000-000000000002', 'update 00000000-0000-4000-8000-000000000002', 'delete 00000000-0000-4000-8000-000000000002'],
  'the log names them'
);
select is(
  pg_temp.push('0', '{"table": "renaming", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1, "data": {"name": "c"}}') ->> 'status',
  'applied', 'a push finds its row'
);
select is(pg_temp.pulled('renaming') #>> '{0,renaming_id}', '00000000-0000-4000-8000-000000000001', 'and a pull');

alter table public.renaming rename column user_id to owner_id;
select lives_ok(
  $$ insert into public.renaming (renaming_id, owner_id, name) values ('00000000-0000-4000-8000-000000000003', '00000000-0000-4000-8000-00000000000a', 'sql') $$,
  'a new name of the scope column: rows are inserted'
);
select is(
  (select array_agg(scope) from tidemark.sync_changes where row_id = '00000000-0000-4000-8000-000000000003'),
  array['user:00000000-0000-4000-8000-00000000000a'], 'in their scope'
);
select is(
  pg_temp.push('0', '{"table": "renaming", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 2, "data": {"name": "d"}}') ->> 'status',
  'applied', 'a push finds its row'
);
select is(jsonb_array_length(pg_temp.pulled('renaming')), 2, 'and a pull');

-- Where a later version cannot go by itself, the one line is enough.
select lives_ok($$ select tidemark.add_table('public.renaming', 'user:owner_id') $$, 'adding the table again is allowed');
select is(jsonb_array_length(pg_temp.pulled('renaming')), 2, 'and changes nothing more');

select * from finish();
rollback;
