-- What a device sends as a number or as text arrives with every digit, and comes back with them.
begin;
\ir ../helpers.psql
select plan(5);

create table public.digits (id uuid primary key, user_id uuid not null default auth.uid(), big bigint, amount numeric, price numeric(12, 2), ratio double precision, bigs bigint[], made timestamptz default now());
select pg_temp.add_own_table('public.digits');
select pg_temp.sign_in('a');
select is(
  pg_temp.statuses(pg_temp.push($$[
    {"seq":1,"table":"digits","op":"put","id":"00000000-0000-4000-8000-000000000001","data":{"big":9223372036854775807,"amount":0.1000000000000000055511151231257827,"price":1.005,"ratio":0.1,"bigs":[9007199254740993]},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":2,"table":"digits","op":"put","id":"00000000-0000-4000-8000-000000000002","data":{"big":"9223372036854775807","amount":"12345678901234567890.10","price":"1.00","ratio":"NaN","bigs":["-9223372036854775808"]},"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'applied applied', 'as numbers or as text'
);
select results_eq(
  $$select big, amount, price, ratio, bigs from public.digits order by id$$,
  $$values (9223372036854775807, 0.1000000000000000055511151231257827, 1.01, 0.1::float8, '{9007199254740993}'::bigint[]),
    (9223372036854775807, 12345678901234567890.10, 1.00, 'NaN', '{-9223372036854775808}')$$,
  'they are stored exactly'
);
select is(
  sync_push(pg_temp.device(1), $$[{"seq":3,"table":"digits","op":"put","id":"00000000-0000-4000-8000-000000000003","data":{"big":9007199254740993,"amount":0.10},"edited_at":"2026-01-01T00:00:00Z"}]$$)
    #>> '{results,0,row,big}',
  '9007199254740993', 'a row that comes back has them'
);
select is(
  (sync_push(pg_temp.device(1), $$[{"seq":4,"table":"digits","op":"put","id":"00000000-0000-4000-8000-000000000004","data":{"big":9007199254740993,"amount":0.10},"edited_at":"2026-01-01T00:00:00Z"}]$$, '{"exact":true}')::jsonb
    #> '{results,0,row}') @> '{"big":"9007199254740993","amount":"0.10"}',
  true, 'as text, if the device asks for exact'
);
select is(
  (sync_push(pg_temp.device(1), $$[{"seq":4,"table":"digits","op":"delete","id":"00000000-0000-4000-8000-000000000004","edited_at":"2026-01-01T00:00:00Z"}]$$, '{"exact":true}')::jsonb
    #> '{results,0,row}') @> '{"big":"9007199254740993","amount":"0.10"}',
  true, 'also when it repeats'
);

select * from finish();
rollback;
