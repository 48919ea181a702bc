-- JSON parsers round beyond 2^53: with "exact", bigint and numeric come as text, in every guise they take.
begin;
\ir ../helpers.psql
select plan(5);

create domain public.exact_money as numeric(20, 4);
create domain public.exact_price as public.exact_money;
create table public.exact_numbers (
  id uuid primary key, user_id uuid not null, small smallint, whole integer, big bigint, decimal numeric, money public.exact_money,
  price public.exact_price, bigs bigint[], decimals numeric[], moneys public.exact_money[], ratio double precision, wholes int[], label text, doc jsonb
);
select pg_temp.add_own_table('public.exact_numbers');
insert into public.exact_numbers values (
  pg_temp.id(1), pg_temp.user_id('a'), 1, 2, 9007199254740993, 0.10, 12345678901234.5678, 0.1000, '{9007199254740993,null}', '{1.50}', '{1.5}', 0.5, '{1,2}', 'x', '{"n":1}'
);
create function pg_temp.sent(options json) returns jsonb language sql as $$
  select pg_temp.pull(null, options) #> '{changes,0,upsert,0}'
$$;
select pg_temp.sign_in('a');
select is(
  pg_temp.sent('{"tables":["exact_numbers"],"exact":true}') - '{id,user_id,updated_at,deleted_at,version}'::text[],
  '{"small":1,"whole":2,"big":"9007199254740993","decimal":"0.10","money":"12345678901234.5678","price":"0.1000",
    "bigs":["9007199254740993",null],"decimals":["1.50"],"moneys":["1.5000"],"ratio":0.5,"wholes":[1,2],"label":"x","doc":{"n":1}}',
  'bigint and numeric, their domains and arrays come as text; everything else as it is'
);
select is(pg_temp.sent('{"tables":["exact_numbers"],"exact":true}') -> 'version', '1', 'version stays a number');
select is(
  (sync_pull(pg_temp.device(1), null, '{"tables":["exact_numbers"]}') #> '{changes,0,upsert,0}' ->> 'big'), '9007199254740993',
  'without it they are numbers, with every digit'
);
select is(
  (sync_pull(pg_temp.device(1), null, '{"tables":["exact_numbers"]}') #> '{changes,0,upsert,0}' ->> 'decimal'), '0.10', 'and every trailing zero'
);
select is(
  (select string_agg(k, ',') from json_object_keys(sync_pull(pg_temp.device(1), null, '{"tables":["exact_numbers"],"exact":true}') #> '{changes,0,upsert,0}') k),
  (select string_agg(k, ',') from json_object_keys(sync_pull(pg_temp.device(1), null, '{"tables":["exact_numbers"]}') #> '{changes,0,upsert,0}') k),
  'both have the same columns in the same order'
);

select * from finish();
rollback;
