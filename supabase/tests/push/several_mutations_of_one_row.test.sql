-- A queue may hold a row's whole life: its mutations are applied in their order, in one call.
begin;
select plan(7);

create function pg_temp.sign_in(who uuid) returns void language sql as $$
  select set_config('role', 'authenticated', true),
    set_config('request.jwt.claims', json_build_object('sub', who, 'role', 'authenticated')::text, true)
$$;
create function pg_temp.id(n int) returns uuid language sql as $$
  select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid
$$;
-- Devices of this session alone: files that run side by side would wait for each other's.
create function pg_temp.device(n int) returns uuid language sql as $$
  select format('00000000-0000-4000-9000-%s%s', lpad(pg_backend_pid()::text, 9, '0'), lpad(n::text, 3, '0'))::uuid
$$;
create function pg_temp.push(mutations json, options json default '{}', device uuid default pg_temp.device(1))
returns jsonb language sql as $$
  select sync_push(device, mutations, options)::jsonb -> 'results'
$$;
create function pg_temp.said(results jsonb) returns text language sql as $$
  select string_agg(concat_ws(':', r ->> 'status', r #>> '{error,code}'), ' ' order by n)
  from jsonb_array_elements(results) with ordinality as e (r, n)
$$;

create table public.lived (id uuid primary key, user_id uuid not null default auth.uid(), name text, n int default 0);
alter table public.lived enable row level security;
create policy "own" on public.lived using (user_id = auth.uid());
select tidemark.add_table('public.lived', 'user:user_id');
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select is(
  pg_temp.said(pg_temp.push($$[
    {"seq":1,"table":"lived","op":"put","id":"00000000-0000-4000-8000-000000000001","base":null,"data":{"name":"a"},"edited_at":"2026-01-01T00:00:01Z"},
    {"seq":2,"table":"lived","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":null,"data":{"name":"b"},"edited_at":"2026-01-01T00:00:02Z"},
    {"seq":3,"table":"lived","op":"put","id":"00000000-0000-4000-8000-000000000002","base":null,"data":{"name":"other"},"edited_at":"2026-01-01T00:00:03Z"},
    {"seq":4,"table":"lived","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":null,"data":{"n":5},"edited_at":"2026-01-01T00:00:04Z"},
    {"seq":5,"table":"lived","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":null,"data":{"name":"c"},"edited_at":"2026-01-01T00:00:05Z"}]$$)),
  'applied applied applied applied applied', 'create, edit, edit, edit'
);
select results_eq($$select name, n, version from public.lived where id = pg_temp.id(1)$$, $$values ('c', 5, 4::bigint)$$, 'the last one has the last word');
select is(
  pg_temp.said(pg_temp.push($$[
    {"seq":6,"table":"lived","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":4,"data":{"n":6},"edited_at":"2026-01-01T00:00:06Z"},
    {"seq":7,"table":"lived","op":"delete","id":"00000000-0000-4000-8000-000000000001","base":4,"edited_at":"2026-01-01T00:00:07Z"},
    {"seq":8,"table":"lived","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":4,"data":{"n":7},"edited_at":"2026-01-01T00:00:08Z"},
    {"seq":9,"table":"lived","op":"put","id":"00000000-0000-4000-8000-000000000003","base":null,"data":{},"edited_at":"2026-01-01T00:00:09Z"},
    {"seq":10,"table":"lived","op":"delete","id":"00000000-0000-4000-8000-000000000003","base":null,"edited_at":"2026-01-01T00:00:10Z"}]$$)),
  'applied applied rejected:gone applied applied', 'edit, delete, and an edit of what is deleted; create and delete'
);
select results_eq($$select n, deleted_at is not null from public.lived where id = pg_temp.id(1)$$, $$values (6, true)$$, 'in their order');
reset role;
select is(
  (select string_agg(extract(second from c.edited_at)::int || c.op::text, ' ' order by c.version) from tidemark.sync_changes c
    join tidemark.sync_tables t using (table_no) where t.name = 'lived' and c.row_id = pg_temp.id(1)::text),
  '1insert 2update 4update 5update 6update 7delete', 'each with its own instant'
);
reset role;

-- A mutation that failed is tried again when others have made room for it, but never after a later one of its row.
create table public.overtaken (id uuid primary key, code text, up uuid references public.overtaken);
alter table public.overtaken enable row level security;
create policy "all" on public.overtaken using (true);
select tidemark.add_table('public.overtaken', 'public');
create unique index on public.overtaken (code) where deleted_at is null;
insert into public.overtaken values (pg_temp.id(1), 'a'), (pg_temp.id(2), 'b');
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
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
