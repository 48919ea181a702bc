-- An answer that got lost is asked for again: no second copy, no second conflict, no second sum.
begin;
\ir ../helpers.psql
select plan(15);

create table public.once_kept (id uuid primary key, user_id uuid not null default auth.uid(), name text);
create table public.once_parked (id uuid primary key, user_id uuid not null default auth.uid(), name text);
create table public.once_summed (id uuid primary key, user_id uuid not null default auth.uid(), visits int);
select pg_temp.add_own_table('public.once_kept', 'keep_both');
select pg_temp.add_own_table('public.once_parked', 'manual');
select pg_temp.add_own_table('public.once_summed', 'last_write_wins', '{"visits": "sum"}');

select pg_temp.push('[
  {"seq": 1, "table": "once_kept", "op": "put", "id": "00000000-0000-4000-8000-000000000001", "data": {"name": "b"}},
  {"seq": 2, "table": "once_parked", "op": "put", "id": "00000000-0000-4000-8000-000000000001", "data": {"name": "b"}},
  {"seq": 3, "table": "once_summed", "op": "put", "id": "00000000-0000-4000-8000-000000000001", "data": {"visits": 10}},
  {"seq": 4, "table": "once_kept", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1, "data": {"name": "t"}},
  {"seq": 5, "table": "once_parked", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1, "data": {"name": "t"}},
  {"seq": 6, "table": "once_summed", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1, "data": {"visits": 15}, "old": {"visits": 10}}]', device => 1);
create function pg_temp.send() returns jsonb language sql as $$
  select pg_temp.push('[
    {"seq": 1, "table": "once_kept", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1, "data": {"name": "o"}},
    {"seq": 2, "table": "once_parked", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1, "data": {"name": "o"}},
    {"seq": 3, "table": "once_summed", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1, "data": {"visits": 12}, "old": {"visits": 10}}]', device => 2)
$$;
create temp table said (n int, a jsonb);
insert into said values (1, pg_temp.send());
insert into said values (2, pg_temp.send());
insert into said values (3, pg_temp.send());

select is((select jsonb_path_query_array(a, '$[*].status') from said where n = 1), '["conflict", "conflict", "merged"]'::jsonb, 'the first time they are settled');
select is(jsonb_path_query_array(a, '$[*].status'), '["duplicate", "duplicate", "duplicate"]'::jsonb, format('time %s: duplicates', n)) from said where n > 1 order by n;
select is(a #>> '{0,copy_id}', (select a #>> '{0,copy_id}' from said where n = 1), format('time %s: the same copy is named', n)) from said where n > 1 order by n;
select is(a #>> '{1,conflict_id}', (select a #>> '{1,conflict_id}' from said where n = 1), format('time %s: the same conflict is named', n)) from said where n > 1 order by n;
select is(a #>> '{2,row,visits}', '17', format('time %s: the row is told as it is', n)) from said where n > 1 order by n;
select is((select array_agg(name order by name) from public.once_kept), array['o', 't'], 'there is one copy');
select is((select count(*) from tidemark.sync_conflicts k join tidemark.live_tables t using (table_no) where t.name = 'once_parked'), 1::bigint, 'there is one conflict');
select is((select visits from public.once_summed), 17, 'the difference was added once');

-- In one transaction with an edit that is refused: the others are settled once, too.
select is(
  jsonb_path_query_array(pg_temp.push('[
    {"seq": 1, "table": "once_kept", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1, "data": {"name": "p"}},
    {"seq": 2, "table": "once_summed", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1, "data": {"visits": "many"}},
    {"seq": 3, "table": "once_summed", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1, "data": {"visits": 11}, "old": {"visits": 10}}]', device => 3),
    '$[*].status'),
  '["conflict", "rejected", "merged"]'::jsonb, 'beside an edit that is rejected'
);
select is((select array_agg(name order by name) from public.once_kept), array['o', 'p', 't'], 'there is one copy, too');
select is((select visits from public.once_summed), 18, 'and one sum');

select * from finish();
rollback;
