-- Within a batch parents are written before children and deleted after them, however the device listed them.
begin;
\ir ../helpers.psql
select plan(7);

create table public.order_grandchild (id uuid primary key, child uuid not null);
create table public.order_child (id uuid primary key, parent uuid not null, peer uuid references public.order_child);
create table public.order_parent (id uuid primary key, name text);
alter table public.order_grandchild add foreign key (child) references public.order_child;
alter table public.order_child add foreign key (parent) references public.order_parent;
select pg_temp.add_public_table('public.order_grandchild', 'public.order_child', 'public.order_parent');

select pg_temp.sign_in('a');
select is(
  pg_temp.statuses(pg_temp.push($$[
    {"seq":1,"table":"order_grandchild","op":"put","id":"00000000-0000-4000-8000-000000000031","data":{"child":"00000000-0000-4000-8000-000000000021"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":2,"table":"order_child","op":"put","id":"00000000-0000-4000-8000-000000000021","data":{"parent":"00000000-0000-4000-8000-000000000011","peer":"00000000-0000-4000-8000-000000000022"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":3,"table":"order_child","op":"put","id":"00000000-0000-4000-8000-000000000022","data":{"parent":"00000000-0000-4000-8000-000000000011"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":4,"table":"order_parent","op":"put","id":"00000000-0000-4000-8000-000000000011","data":{"name":"a"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":5,"table":"order_parent","op":"put","id":"00000000-0000-4000-8000-000000000012","data":{"name":"b"},"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'applied applied applied applied applied', 'children may be listed before their parents, also within a table'
);
select is(
  pg_temp.statuses(pg_temp.push($$[
    {"seq":6,"table":"order_parent","op":"delete","id":"00000000-0000-4000-8000-000000000011","base":1,"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":7,"table":"order_child","op":"delete","id":"00000000-0000-4000-8000-000000000022","base":1,"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":8,"table":"order_child","op":"delete","id":"00000000-0000-4000-8000-000000000021","base":1,"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":9,"table":"order_grandchild","op":"delete","id":"00000000-0000-4000-8000-000000000031","base":1,"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'applied applied applied applied', 'and deleted after them'
);
select is(
  pg_temp.statuses(pg_temp.push($$[
    {"seq":10,"table":"order_child","op":"put","id":"00000000-0000-4000-8000-000000000023","data":{"parent":"00000000-0000-4000-8000-000000000012"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":11,"table":"order_parent","op":"put","id":"00000000-0000-4000-8000-000000000013","data":{},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":12,"table":"order_child","op":"patch","id":"00000000-0000-4000-8000-000000000023","base":null,"data":{"parent":"00000000-0000-4000-8000-000000000013"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":13,"table":"order_parent","op":"delete","id":"00000000-0000-4000-8000-000000000012","base":1,"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'applied applied applied applied', 'a child may be moved off a parent that is deleted in the same batch'
);
select is(
  pg_temp.statuses(pg_temp.push($$[{"seq":14,"table":"order_parent","op":"delete","id":"00000000-0000-4000-8000-000000000013","base":1,"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'rejected:foreign_key', 'a parent that still has a child is not deleted'
);

-- A tombstone satisfies the constraint but is no parent: the row would be on devices without what it belongs to.
select is(
  pg_temp.statuses(pg_temp.push($$[{"seq":15,"table":"order_child","op":"put","id":"00000000-0000-4000-8000-000000000024","data":{"parent":"00000000-0000-4000-8000-000000000011"},"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'rejected:foreign_key', 'a new child of a deleted parent is rejected'
);
select is(
  pg_temp.statuses(pg_temp.push($$[{"seq":16,"table":"order_child","op":"patch","id":"00000000-0000-4000-8000-000000000023","base":2,"data":{"parent":"00000000-0000-4000-8000-000000000011"},"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'rejected:foreign_key', 'and so is moving one there'
);
select is(
  pg_temp.statuses(pg_temp.push($$[
    {"seq":17,"table":"order_child","op":"put","id":"00000000-0000-4000-8000-000000000025","data":{"parent":"00000000-0000-4000-8000-000000000013"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":18,"table":"order_child","op":"put","id":"00000000-0000-4000-8000-000000000026","data":{"parent":"00000000-0000-4000-8000-000000000011"},"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'applied rejected:foreign_key', 'while others are written'
);

select * from finish();
rollback;
