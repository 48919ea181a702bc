-- A batch is merged as a set; what becomes of one edit depends on its own row, and on its own place in the queue.
begin;
\ir ../helpers.psql
select plan(6);

create table public.batched (id int primary key, user_id uuid not null default auth.uid(), name text, phone text, tags text[], n int);
alter table public.batched enable row level security;
grant select, insert, update, delete on public.batched to authenticated;
create policy "own rows" on public.batched to authenticated using (user_id = (select auth.uid()) and coalesce(name, '') <> 'hidden') with check (user_id = (select auth.uid()));
select tidemark.add_table('public.batched', 'user:user_id', 'server_wins', '{"tags": "union", "n": "sum"}');

insert into public.batched (id, user_id, name, phone, tags, n)
select i, pg_temp.user_id('a'), 'b', 'b', '{b}', 1 from generate_series(1, 9) i;
update public.batched set name = 't' where id in (1, 2, 3, 7);
update public.batched set tags = '{b,t}', n = 5 where id in (3, 4);
delete from public.batched where id = 5;
update public.batched set name = 'hidden' where id = 6;

create temp table answer as
select value as r from jsonb_array_elements(pg_temp.push('[
  {"seq": 1, "table": "batched", "op": "patch", "id": "1", "base": 1, "data": {"name": "o"}},
  {"seq": 2, "table": "batched", "op": "patch", "id": "2", "base": 1, "data": {"phone": "o"}},
  {"seq": 3, "table": "batched", "op": "patch", "id": "3", "base": 1, "data": {"name": "o", "phone": "o", "tags": ["b", "o"], "n": 3}, "old": {"tags": ["b"], "n": 1}},
  {"seq": 4, "table": "batched", "op": "patch", "id": "4", "base": 1, "data": {"tags": []}, "old": {"tags": ["b"]}},
  {"seq": 5, "table": "batched", "op": "patch", "id": "5", "base": 1, "data": {"phone": "o"}},
  {"seq": 6, "table": "batched", "op": "patch", "id": "6", "base": 1, "data": {"phone": "o"}},
  {"seq": 7, "table": "batched", "op": "patch", "id": "7", "base": 1, "data": {"name": "o"}},
  {"seq": 8, "table": "batched", "op": "patch", "id": "7", "base": 1, "data": {"phone": "o1"}},
  {"seq": 9, "table": "batched", "op": "patch", "id": "7", "base": 1, "data": {"phone": "o2", "name": "o2"}},
  {"seq": 10, "table": "batched", "op": "patch", "id": "8", "base": 1, "data": {"phone": "o"}},
  {"seq": 11, "table": "batched", "op": "delete", "id": "9", "base": 1},
  {"seq": 12, "table": "batched", "op": "put", "id": "8", "base": null, "data": {"name": "b", "phone": "o"}},
  {"seq": 13, "table": "batched", "op": "patch", "id": "77", "base": 1, "data": {"phone": "o"}}]', device => 2));

select is(
  (select jsonb_object_agg(r ->> 'seq', coalesce(r #>> '{error,code}', r ->> 'status') || coalesce(' ' || (r ->> 'lost'), '')) from answer),
  '{"1": "conflict [\"name\"]", "2": "merged", "3": "merged [\"name\"]", "4": "merged", "5": "gone", "6": "not_found",
    "7": "conflict [\"name\"]", "8": "merged", "9": "merged [\"name\"]", "10": "applied", "11": "applied", "12": "merged", "13": "not_found"}'::jsonb,
  'each edit has its own result'
);
select is(
  (select jsonb_object_agg(id::text, concat_ws(' ', name, phone, tags::text, n::text)) from public.batched where id <= 4),
  '{"1": "t b {b} 1", "2": "t o {b} 1", "3": "t o {b,t,o} 7", "4": "b b {t} 5"}'::jsonb,
  'each row has its own outcome'
);
select is((select row(name, phone)::text from public.batched where id = 7), '(t,o2)', 'several edits of one row count in their order');
select is((select row(name, phone, deleted_at)::text from public.batched where id = 6), '(hidden,b,)', 'a row that is hidden stays as it was');
select is(
  (select jsonb_object_agg(r ->> 'seq', r #>> '{row,phone}') from answer where r ->> 'seq' in ('1', '2', '3', '7')),
  '{"1": "b", "2": "o", "3": "o", "7": "b"}'::jsonb, 'merged rows come back, each with its edit'
);
select is((select count(*) from public.batched where deleted_at is not null), 2::bigint, 'what was deleted is deleted');

select * from finish();
rollback;
