-- A queue may hold a row's whole life: its mutations are applied in their order, in one call.
begin;
\ir ../helpers.psql
select plan(7);

create table public.lived (id uuid primary key, user_id uuid not null default auth.uid(), name text, n int default 0);
select pg_temp.add_own_table('public.lived');
select pg_temp.sign_in('a');
select is(
  pg_temp.statuses(pg_temp.push($$[
    {"seq":1,"table":"lived","op":"put","id":"00000000-0000-4000-8000-000000000001","base":null,"data":{"name":"a"},"edited_at":"2026-01-01T00:00:01Z"},
    {"seq":2,"table":"lived","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":null,"data":{"name":"b"},"edited_at":"2026-01-01T00:00:02Z"},
    {"seq":3,"table":"lived","op":"put","id":"00000000-0000-4000-8000-000000000002","base":null,"data":{"name":"other"},"edited_at":"2026-01-01T00:00:03Z"},
    {"seq":4,"table":"lived","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":null,"data":{"n":5},"edited_at":"2026-01-01T00:00:04Z"},
    {"seq":5,"table":"lived","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":null,"data":{"name":"c"},"edited_at":"2026-01-01T00:00:05Z"}]$$)),
  'applied applied applied applied applied', 'create, edit, edit, edit'
);
select results_eq($$select name, n, version from public.lived where id = pg_temp.id(1)$$, $$values ('c', 5, 4::bigint)$$, 'the last one has the last word');
select is(
  pg_temp.statuses(pg_temp.push($$[
    {"seq":6,"table":"lived","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":4,"data":{"n":6},"edited_at":"2026-01-01T00:00:06Z"},
    {"seq":7,"table":"lived","op":"delete","id":"00000000-0000-4000-8000-000000000001","base":4,"edited_at":"2026-01-01T00:00:07Z"},
    {"seq":8,"table":"lived","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":4,"data":{"n":7},"edited_at":"2026-01-01T00:00:08Z"},
    {"seq":9,"table":"lived","op":"put","id":"00000000-0000-4000-8000-000000000003","base":null,"data":{},"edited_at":"2026-01-01T00:00:09Z"},
    {"seq":10,"table":"lived","op":"delete","id":"00000000-0000-4000-8000-000000000003","base":null,"edited_at":"2026-01-01T00:00:10Z"}]$$)),
  'applied applied rejected:gone applied applied', 'edit, delete, and an edit of what is deleted; create and delete'
);
select results_eq($$select n, deleted_at is not null from public.lived where id = pg_temp.id(1)$$, $$values (6, true)$$, 'in their order');
select pg_temp.sign_out();
select is(
  (select string_agg(extract(second from c.edited_at)::int || c.op::text, ' ' order by c.version) from pg_temp.log_of('lived') c where c.row_id = pg_temp.id(1)::text),
  '1insert 2update 4update 5update 6update 7delete', 'each with its own instant'
);
reset role;

-- A mutation that failed is tried again when others have made room for it, but never after a later one of its row.
create table public.overtaken (id uuid primary key, code text, up uuid references public.overtaken);
select pg_temp.add_public_table('public.overtaken');
create unique index on public.overtaken (code) where deleted_at is null;
insert into public.overtaken values (pg_temp.id(1), 'a'), (pg_temp.id(2), 'b');
select pg_temp.sign_in('a');
select pg_temp.push($$[
  {"seq":20,"table":"overtaken","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":1,"data":{"code":"b"},"edited_at":"2026-01-01T00:00:01Z"},
  {"seq":21,"table":"overtaken","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":1,"data":{"code":"c"},"edited_at":"2026-01-01T00:00:02Z"},
  {"seq":22,"table":"overtaken","op":"patch","id":"00000000-0000-4000-8000-000000000002","base":1,"data":{"code":"d"},"edited_at":"2026-01-01T00:00:03Z"}]$$);
select results_eq($$select code from public.overtaken order by id$$, array['c', 'd'], 'the last edit of a row stands, whatever was tried again');
select pg_temp.push($$[
  {"seq":23,"table":"overtaken","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":2,"data":{"up":"00000000-0000-4000-8000-000000000009"},"edited_at":"2026-01-01T00:00:01Z"},
  {"seq":24,"table":"overtaken","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":2,"data":{"up":"00000000-0000-4000-8000-000000000002"},"edited_at":"2026-01-01T00:00:02Z"},
  {"seq":25,"table":"overtaken","op":"put","id":"00000000-0000-4000-8000-000000000008","data":{"code":"d"},"edited_at":"2026-01-01T00:00:03Z"},
  {"seq":26,"table":"overtaken","op":"put","id":"00000000-0000-4000-8000-000000000009","data":{"code":"x"},"edited_at":"2026-01-01T00:00:03Z"}]$$);
select is((select up from public.overtaken where id = pg_temp.id(1)), pg_temp.id(2), 'also where it failed for a parent that came later');

select * from finish();
rollback;
