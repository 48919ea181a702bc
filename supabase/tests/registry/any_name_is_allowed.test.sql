-- Schemas, tables and columns may have any name Postgres takes: spaces, quotes, percent signs, key
-- words, and the aliases of the statements that Tidemark builds.
begin;
\ir ../helpers.psql
select plan(14);

create schema "Odd schema";
grant usage on schema "Odd schema" to authenticated;
create table "Odd schema"."select" (
  "Order" uuid primary key default gen_random_uuid(),
  "user" uuid not null default auth.uid(),
  "it's ""100%""" text, "back\slash" text, "?" text
);
alter table "Odd schema"."select" enable row level security;
create policy "own" on "Odd schema"."select" using ("user" = auth.uid());
grant all on "Odd schema"."select" to authenticated;
select tidemark.add_table('"Odd schema"."select"', 'user:user');

select is(
  (select t.name from tidemark.sync_tables t where t.table_name = 'select'), 'Odd schema.select',
  'outside of public the name on the wire has its schema'
);

create table public."Parent's" (id int primary key, t text);
alter table public."Parent's" enable row level security;
create policy "all" on public."Parent's" using (true);
select tidemark.add_table('"Parent''s"', 'public');

-- Every alias that a statement built from a table's columns uses may be a column of that table.
create table public."n" (
  id int primary key, "Parent" int references public."Parent's" on delete cascade, user_id uuid not null default auth.uid(),
  t text, n int, e text, r text, f text, c text, m text, o text, p text, u text, k text, "row" text, "key" text, "value" text, data text, old text,
  fields text, row_id text, change text, columns text, op text, scope text, mine text, theirs text, registered text, target text
);
alter table public."n" enable row level security;
create policy "own" on public."n" using (user_id = auth.uid());
select tidemark.add_table('"n"', 'user:user_id');

insert into public."Parent's" values (1), (2);
select lives_ok(
  $$insert into public."n" (id, "Parent", user_id, "row", t) values (1, 1, pg_temp.user_id('a'), 'x', 'y')$$,
  'columns named like our aliases take an insert'
);
select lives_ok($$update public."n" set "row" = 'z', n = 5, e = 'e'$$, 'and an update');
select is(
  (select array_agg(k order by k) from tidemark.sync_changes c, unnest(c.columns) k
    where c.op = 'update' and c.table_no = pg_temp.table_no('n')),
  '{e,n,row}', 'whose columns the log names'
);

select pg_temp.sign_in('a');
select is(
  pg_temp.statuses(pg_temp.push($$[
    {"seq":1,"table":"Odd schema.select","op":"put","id":"00000000-0000-4000-8000-000000000001",
     "data":{"it's \"100%\"":"a","back\\slash":"b","?":"c"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":2,"table":"n","op":"put","id":"2","data":{"Parent":1,"row":"1","change":"2","n":3,"data":"4","e":"5","t":"6"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":3,"table":"Parent's","op":"put","id":"3","data":{"t":"t"},"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'applied applied applied', 'a push creates such rows'
);
select is(
  pg_temp.statuses(pg_temp.push($$[
    {"seq":4,"table":"Odd schema.select","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":1,
     "data":{"it's \"100%\"":"d","back\\slash":"e","?":"f"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":5,"table":"n","op":"patch","id":"2","base":1,"data":{"row":"r","value":"v","k":"k","n":1},"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'applied applied', 'and edits them'
);
select results_eq(
  $$select "it's ""100%""", "back\slash", "?" from "Odd schema"."select"$$, $$values ('d', 'e', 'f')$$, 'column by column'
);
select pg_temp.sign_out();
update public."n" set o = 'server' where id = 2;
select pg_temp.sign_in('a');
select is(
  pg_temp.statuses(pg_temp.push($$[{"seq":6,"table":"n","op":"patch","id":"2","base":2,"data":{"e":"5","row":"m"},"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'merged', 'and merges them'
);
select is(
  jsonb_path_query_array(pg_temp.pull(null, '{"tables":["n","Odd schema.select","Parent''s"]}'), '$.changes[*].table'),
  '["Odd schema.select","Parent''s","n"]', 'a pull reads such tables'
);
select is(
  pg_temp.pull(null, '{"tables":["n"],"exact":true}') #>> '{changes,0,upsert,1,row}', 'm', 'with every column in its place'
);
select is(
  pg_temp.statuses(pg_temp.push($$[{"seq":7,"table":"Odd schema.select","op":"delete","id":"00000000-0000-4000-8000-000000000001","base":2,"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'applied', 'and a push deletes them'
);
select pg_temp.sign_out();
delete from public."Parent's" where id = 1;
select is((select count(*) from public."n" where deleted_at is not null), 2::bigint, 'cascades find their way, too');

-- Tables by the names of a type of Postgres's and of a part of a statement that Tidemark builds.
create table public.point (id int primary key, user_id uuid not null default auth.uid(), n text default 0);
create table public.written (like public.point including all);
alter table public.point enable row level security;
alter table public.written enable row level security;
create policy "own" on public.point using (user_id = auth.uid());
create policy "own" on public.written using (user_id = auth.uid());
select tidemark.add_table('public.point', 'user:user_id');
select tidemark.add_table('public.written', 'user:user_id');
select pg_temp.sign_in('a');
select is(
  pg_temp.statuses(pg_temp.push($$[
    {"seq":11,"table":"point","op":"put","id":"1","data":{}}, {"seq":12,"table":"written","op":"put","id":"1","data":{}},
    {"seq":13,"table":"point","op":"patch","id":"1","base":1,"data":{"n":"1"}}, {"seq":14,"table":"written","op":"patch","id":"1","base":1,"data":{"n":"1"}}]$$))
  || ' ' || pg_temp.statuses(pg_temp.push($$[
    {"seq":1,"table":"point","op":"patch","id":"1","base":1,"data":{"n":"2"},"old":{"n":"0"}},
    {"seq":2,"table":"written","op":"patch","id":"1","base":1,"data":{"n":"2"},"old":{"n":"0"}}]$$, device => 2)),
  'applied applied applied applied merged merged', 'a table may be called as a type is, or as what it is written in'
);
select is(
  jsonb_path_query_array(pg_temp.pull(null, '{"tables":["point","written"]}'), '$.changes[*].upsert[*].n'), '["2", "2"]', 'and is pulled'
);

select * from finish();
rollback;
