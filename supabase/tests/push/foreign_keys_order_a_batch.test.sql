-- Within a batch parents are written before children and deleted after them, however the device listed them.
begin;
select plan(7);

create function pg_temp.sign_in(who uuid) returns void language sql as $$
  select set_config('role', 'authenticated', true),
    set_config('request.jwt.claims', json_build_object('sub', who, 'role', 'authenticated')::text, true)
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

create table public.order_grandchild (id uuid primary key, child uuid not null);
create table public.order_child (id uuid primary key, parent uuid not null, peer uuid references public.order_child);
create table public.order_parent (id uuid primary key, name text);
alter table public.order_grandchild add foreign key (child) references public.order_child;
alter table public.order_child add foreign key (parent) references public.order_parent;
alter table public.order_grandchild enable row level security;
alter table public.order_child enable row level security;
alter table public.order_parent enable row level security;
create policy "all" on public.order_grandchild using (true);
create policy "all" on public.order_child using (true);
create policy "all" on public.order_parent using (true);
select tidemark.add_table(t::regclass, 'public') from unnest('{order_grandchild,order_child,order_parent}'::text[]) t;

select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select is(
  pg_temp.said(pg_temp.push($$[
    {"seq":1,"table":"order_grandchild","op":"put","id":"00000000-0000-4000-8000-000000000031","data":{"child":"00000000-0000-4000-8000-000000000021"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":2,"table":"order_child","op":"put","id":"00000000-0000-4000-8000-000000000021","data":{"parent":"00000000-0000-4000-8000-000000000011","peer":"00000000-0000-4000-8000-000000000022"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":3,"table":"order_child","op":"put","id":"00000000-0000-4000-8000-000000000022","data":{"parent":"00000000-0000-4000-8000-000000000011"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":4,"table":"order_parent","op":"put","id":"00000000-0000-4000-8000-000000000011","data":{"name":"a"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":5,"table":"order_parent","op":"put","id":"00000000-0000-4000-8000-000000000012","data":{"name":"b"},"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'applied applied applied applied applied', 'children may be listed before their parents, also within a table'
);
select is(
  pg_temp.said(pg_temp.push($$[
    {"seq":6,"table":"order_parent","op":"delete","id":"00000000-0000-4000-8000-000000000011","base":1,"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":7,"table":"order_child","op":"delete","id":"00000000-0000-4000-8000-000000000022","base":1,"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":8,"table":"order_child","op":"delete","id":"00000000-0000-4000-8000-000000000021","base":1,"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":9,"table":"order_grandchild","op":"delete","id":"00000000-0000-4000-8000-000000000031","base":1,"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'applied applied applied applied', 'and deleted after them'
);
select is(
  pg_temp.said(pg_temp.push($$[
    {"seq":10,"table":"order_child","op":"put","id":"00000000-0000-4000-8000-000000000023","data":{"parent":"00000000-0000-4000-8000-000000000012"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":11,"table":"order_parent","op":"put","id":"00000000-0000-4000-8000-000000000013","data":{},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":12,"table":"order_child","op":"patch","id":"00000000-0000-4000-8000-000000000023","base":null,"data":{"parent":"00000000-0000-4000-8000-000000000013"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":13,"table":"order_parent","op":"delete","id":"00000000-0000-4000-8000-000000000012","base":1,"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'applied applied applied applied', 'a child may be moved off a parent that is deleted in the same batch'
);
select is(
  pg_temp.said(pg_temp.push($$[{"seq":14,"table":"order_parent","op":"delete","id":"00000000-0000-4000-8000-000000000013","base":1,"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'rejected:foreign_key', 'a parent that still has a child is not deleted'
);

-- A tombstone satisfies the constraint but is no parent: the row would be on devices without what it belongs to.
select is(
  pg_temp.said(pg_temp.push($$[{"seq":15,"table":"order_child","op":"put","id":"00000000-0000-4000-8000-000000000024","data":{"parent":"00000000-0000-4000-8000-000000000011"},"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'rejected:foreign_key', 'a new child of a deleted parent is rejected'
);
select is(
  pg_temp.said(pg_temp.push($$[{"seq":16,"table":"order_child","op":"patch","id":"00000000-0000-4000-8000-000000000023","base":2,"data":{"parent":"00000000-0000-4000-8000-000000000011"},"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'rejected:foreign_key', 'and so is moving one there'
);
select is(
  pg_temp.said(pg_temp.push($$[
    {"seq":17,"table":"order_child","op":"put","id":"00000000-0000-4000-8000-000000000025","data":{"parent":"00000000-0000-4000-8000-000000000013"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":18,"table":"order_child","op":"put","id":"00000000-0000-4000-8000-000000000026","data":{"parent":"00000000-0000-4000-8000-000000000011"},"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'applied rejected:foreign_key', 'while others are written'
);

select * from finish();
rollback;
