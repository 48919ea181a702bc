-- The key may get another type without a call, as any other column: a key that has outgrown its type is one of the
-- table's own, and rows are found by it in a push, a pull, the log and a delete.
begin;
\ir ../helpers.psql
select plan(24);

create function pg_temp.ids(rows jsonb) returns text[] language sql as $$
  select array_agg(r ->> 'id' order by r ->> 'id' collate "C") from jsonb_array_elements(rows) r
$$;
create function pg_temp.synced(name text, key_type text) returns void language plpgsql as $$
begin
  execute format('create table public.%I (id %s primary key, user_id uuid not null default auth.uid(), note text)', name, key_type);
  perform pg_temp.add_own_table(format('public.%I', name)::regclass);
end
$$;

-- An int that has become too small. A child points at it.
select pg_temp.synced('outgrown', 'int');
create table public.outgrown_parts (id uuid primary key, user_id uuid not null default auth.uid(), whole int references public.outgrown on delete cascade);
select pg_temp.add_own_table('public.outgrown_parts');
select pg_temp.push_one(1, '{"table": "outgrown", "op": "put", "id": "1", "data": {"note": "before"}}');
alter table public.outgrown alter column id type bigint;
alter table public.outgrown_parts alter column whole type bigint;

select is(
  pg_temp.push_one(1, '{"table": "outgrown", "op": "put", "id": "9223372036854775807", "data": {"note": "after"}}') ->> 'status', 'applied',
  'a key beyond the old type is pushed'
);
select lives_ok(
  $$insert into public.outgrown (id, user_id, note) values (2147483648, pg_temp.user_id('a'), 'by sql')$$, 'and inserted'
);
select is(pg_temp.ids(pg_temp.download('outgrown')), '{1,2147483648,9223372036854775807}', 'both are downloaded');
select is(pg_temp.ids(pg_temp.pull_news('outgrown') #> '{changes,0,upsert}'), '{1,2147483648,9223372036854775807}', 'and read by the log');
select is(
  pg_temp.push_one(1, '{"table": "outgrown", "op": "patch", "id": "2147483648", "base": 1, "data": {"note": "edited"}}') ->> 'status', 'applied', 'edited'
);
select is(
  pg_temp.push_one(2, '{"table": "outgrown", "op": "patch", "id": "2147483648", "base": 1, "data": {"note": "merged"}}') ->> 'status', 'merged', 'and merged'
);
select is(
  pg_temp.push_one(1, '{"table": "outgrown", "op": "patch", "id": "1", "base": 1, "data": {"note": "edited"}}') ->> 'status', 'applied',
  'so is a row of the time before'
);
select pg_temp.sign_in('a');
select is((public.sync_verify('{outgrown}') #>> '{0,count}')::int, 3, 'all are verified');
select is(
  pg_temp.ids((select jsonb_agg(r -> 'row') from json_array_elements(public.sync_rows('outgrown', '{1,2147483648}')) r)), '{1,2147483648}', 'and fetched by id'
);
select pg_temp.sign_out();
select is(
  pg_temp.push_one(1, '{"table": "outgrown_parts", "op": "put", "id": "00000000-0000-4000-8000-000000000001", "data": {"whole": 9223372036854775807}}') ->> 'status',
  'applied', 'a child points at one'
);
select is(pg_temp.push_one(1, '{"table": "outgrown", "op": "delete", "id": "9223372036854775807", "base": 1}') ->> 'status', 'applied', 'one is deleted by a push');
select ok((select deleted_at is not null from public.outgrown_parts), 'and takes its child along');
select lives_ok('delete from public.outgrown where id > 5', 'another one by sql');
select is(
  (select array_agg(r order by r) from jsonb_array_elements_text(pg_temp.pull_news('outgrown') #> '{changes,0,remove}') r), '{2147483648,9223372036854775807}',
  'both are removed from devices'
);
select is(
  pg_temp.push_one(1, '{"table": "outgrown", "op": "put", "id": "9223372036854775808", "data": {}}') #>> '{error,message}',
  'id: "9223372036854775808" is no bigint', 'what the new type cannot hold is refused by its name'
);

-- A uuid that becomes a text.
select pg_temp.synced('respelled', 'uuid');
select pg_temp.push_one(1, '{"table": "respelled", "op": "put", "id": "A0000000-0000-4000-8000-000000000001", "data": {"note": "before"}}');
alter table public.respelled alter column id type text;
select is(pg_temp.push_one(1, '{"table": "respelled", "op": "put", "id": "Ünï", "data": {}}') ->> 'status', 'applied', 'a text where a uuid was is pushed');
select is(pg_temp.ids(pg_temp.download('respelled')), '{a0000000-0000-4000-8000-000000000001,Ünï}', 'and downloaded');
select is(pg_temp.ids(pg_temp.pull_news('respelled') #> '{changes,0,upsert}'), '{a0000000-0000-4000-8000-000000000001,Ünï}', 'and read by the log');
select is(
  pg_temp.push_one(1, '{"table": "respelled", "op": "patch", "id": "a0000000-0000-4000-8000-000000000001", "base": 1, "data": {"note": "edited"}}') ->> 'status',
  'applied', 'a row of the time before is edited under its old id'
);
select is(pg_temp.push_one(1, '{"table": "respelled", "op": "delete", "id": "Ünï", "base": 1}') ->> 'status', 'applied', 'the new one is deleted');
select is(pg_temp.pull_news('respelled') #>> '{changes,0,remove}', '["Ünï"]', 'on devices too');

-- A type with a length, which its name alone would cut to one character.
select pg_temp.synced('coded', 'text');
alter table public.coded alter column id type char(3);
select is(pg_temp.push_one(1, '{"table": "coded", "op": "put", "id": "DEU", "data": {}}') ->> 'status', 'applied', 'a text that becomes a char is kept whole');
select is(pg_temp.ids(pg_temp.pull_news('coded') #> '{changes,0,upsert}'), '{DEU}', 'and sent whole');
select is(pg_temp.push_one(1, '{"table": "coded", "op": "delete", "id": "DEU", "base": 1}') ->> 'status', 'applied', 'and deleted');

select * from finish();
rollback;
