-- The key and the scope column may be renamed as any other: the next statement and the next push go by the new name.
begin;
\ir ../helpers.psql
select plan(18);

create table public.renaming (id uuid primary key, user_id uuid not null default auth.uid(), name text);
select pg_temp.add_own_table('public.renaming');

select pg_temp.push_one(0, '{"table": "renaming", "op": "put", "id": "00000000-0000-4000-8000-000000000001", "data": {"name": "b"}}');

alter table public.renaming rename column id to renaming_id;
select lives_ok(
  $$ insert into public.renaming (renaming_id, user_id, name) values ('00000000-0000-4000-8000-000000000002', pg_temp.user_id('a'), 'sql') $$,
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
  pg_temp.push_one(0, '{"table": "renaming", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1, "data": {"name": "c"}}') ->> 'status',
  'applied', 'a push finds its row'
);
select is(pg_temp.download('renaming') #>> '{0,renaming_id}', '00000000-0000-4000-8000-000000000001', 'and a pull');

alter table public.renaming rename column user_id to owner_id;
select lives_ok(
  $$ insert into public.renaming (renaming_id, owner_id, name) values ('00000000-0000-4000-8000-000000000003', pg_temp.user_id('a'), 'sql') $$,
  'a new name of the scope column: rows are inserted'
);
select is(
  (select array_agg(scope) from tidemark.sync_changes where row_id = '00000000-0000-4000-8000-000000000003'),
  array['user:00000000-0000-4000-8000-00000000000a'], 'in their scope'
);
select is(
  pg_temp.push_one(0, '{"table": "renaming", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 2, "data": {"name": "d"}}') ->> 'status',
  'applied', 'a push finds its row'
);
select is(jsonb_array_length(pg_temp.download('renaming')), 2, 'and a pull');

-- Other columns that take the old names are other columns.
create table public.renamed_over (id uuid primary key, user_id uuid not null, name text);
alter table public.renamed_over enable row level security;
select tidemark.add_table('public.renamed_over', 'user:user_id');
alter table public.renamed_over rename column user_id to owner_id;
alter table public.renamed_over add column user_id uuid default pg_temp.user_id('b');
create function pg_temp.logged() returns table (op text, scope text, row_id text, n bigint)
language sql
as $$
  with read as (
    delete from tidemark.sync_changes c
    where c.table_no = pg_temp.table_no('renamed_over')
    returning c.op::text, c.scope, case when c.row_id ~ '^00000000-0000-4000-8000-0000001' then 'its id' else 'another' end as row_id
  )
  select read.*, count(*) from read group by 1, 2, 3
$$;
create function pg_temp.write(many boolean, key text) returns void
language plpgsql
as $$
begin
  execute format('insert into public.renamed_over (%I, owner_id, name)
    select (''00000000-0000-4000-8000-'' || lpad((case when $1 then 100000 else 199000 end + n)::text, 12, ''0''))::uuid, ''00000000-0000-4000-8000-00000000000a'', ''new''
    from generate_series(1, case when $1 then 150 else 1 end) n', key) using many;
  update public.renamed_over set name = 'edited';
  delete from public.renamed_over;
  -- out of the way of the next
  perform tidemark.start_purging('rows');
  delete from public.renamed_over;
  perform tidemark.stop_purging();
end
$$;
select pg_temp.write(false, 'id');
select set_eq('select * from pg_temp.logged()', $$
  select op, 'user:00000000-0000-4000-8000-00000000000a' as scope, 'its id' as row_id, 1::bigint as n from unnest('{insert,update,delete}'::text[]) op
$$, 'a column that takes the scope column''s old name routes nothing');
select pg_temp.write(true, 'id');
select set_eq('select * from pg_temp.logged()', $$
  select op, 'user:00000000-0000-4000-8000-00000000000a' as scope, 'its id' as row_id, 150::bigint as n from unnest('{insert,update,delete}'::text[]) op
$$, 'nor in statements of many rows');
alter table public.renamed_over rename column id to own_id;
alter table public.renamed_over add column id uuid default gen_random_uuid();
select pg_temp.write(false, 'own_id');
select set_eq('select * from pg_temp.logged()', $$
  select op, 'user:00000000-0000-4000-8000-00000000000a' as scope, 'its id' as row_id, 1::bigint as n from unnest('{insert,update,delete}'::text[]) op
$$, 'one that takes the key''s old name is no key');
select pg_temp.write(true, 'own_id');
select set_eq('select * from pg_temp.logged()', $$
  select op, 'user:00000000-0000-4000-8000-00000000000a' as scope, 'its id' as row_id, 150::bigint as n from unnest('{insert,update,delete}'::text[]) op
$$, 'nor in statements of many rows');
-- Without the index there is the name alone to go by.
alter table public.renamed_over rename column user_id to another_user;
alter table public.renamed_over rename column owner_id to user_id;
do $$
begin
  execute format('drop index public.tidemark_scope_%s', pg_temp.table_no('renamed_over'));
end
$$;
alter table public.renamed_over drop constraint renamed_over_pkey;
alter table public.renamed_over rename column id to another_id;
alter table public.renamed_over rename column own_id to id;
select lives_ok($$
  insert into public.renamed_over (id, user_id) values ('00000000-0000-4000-8000-000000100101', pg_temp.user_id('a'))
$$, 'where the index and the key are gone, the names hold');
select set_eq('select * from pg_temp.logged()', $$
  values ('insert', 'user:00000000-0000-4000-8000-00000000000a', 'its id', 1::bigint)
$$, 'for the log');

-- Where a later version cannot go by itself, the one line is enough.
select lives_ok($$ select tidemark.add_table('public.renaming', 'user:owner_id') $$, 'adding the table again is allowed');
select is(jsonb_array_length(pg_temp.download('renaming')), 2, 'and changes nothing more');

select * from finish();
rollback;
