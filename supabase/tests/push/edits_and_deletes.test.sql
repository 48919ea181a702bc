-- A patch writes the columns it names, a delete asks the DELETE policy, and what is already so is applied.
begin;
\ir ../helpers.psql
select plan(12);

create table public.edited (id uuid primary key, user_id uuid not null default auth.uid(), name text, n int default 1, locked boolean not null default false);
alter table public.edited enable row level security;
select tidemark.add_table('public.edited', 'user:user_id');
create policy "read" on public.edited for select using (user_id = auth.uid() and deleted_at is null);
create policy "add" on public.edited for insert with check (user_id = auth.uid());
create policy "change" on public.edited for update using (user_id = auth.uid() and not locked);
create policy "delete" on public.edited for delete using (user_id = auth.uid() and not locked);
insert into public.edited values
  (pg_temp.id(1), pg_temp.user_id('a'), 'a', 1, false), (pg_temp.id(2), pg_temp.user_id('a'), 'b', 1, false), (pg_temp.id(3), pg_temp.user_id('a'), 'c', 1, true), (pg_temp.id(4), pg_temp.user_id('b'), 'd', 1, false);

select pg_temp.sign_in('a');
select is(
  pg_temp.push($$[{"seq":1,"table":"edited","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":1,"data":{"name":"x"},"edited_at":"2026-01-01T00:00:00Z"}]$$),
  '[{"seq":1,"status":"applied","version":2}]', 'a patch counts a version'
);
select results_eq($$select name, n from public.edited where id = pg_temp.id(1)$$, $$values ('x', 1)$$, 'and writes only what it names');
select is(
  pg_temp.push($$[{"seq":2,"table":"edited","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":2,"data":{"name":null,"n":5},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":3,"table":"edited","op":"patch","id":"00000000-0000-4000-8000-000000000002","base":1,"data":{"n":6},"edited_at":"2026-01-01T00:00:00Z"}]$$),
  '[{"seq":2,"status":"applied","version":3},{"seq":3,"status":"applied","version":2}]', 'patches of several rows may name different columns'
);
select results_eq(
  $$select name, n from public.edited where id in (pg_temp.id(1), pg_temp.id(2)) order by id$$, $$values (null, 5), ('b', 6)$$, 'each row gets its own'
);
select is(
  pg_temp.push($$[{"seq":4,"table":"edited","op":"patch","id":"00000000-0000-4000-8000-000000000002","base":2,"data":{"n":6},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":5,"table":"edited","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":3,"data":{},"edited_at":"2026-01-01T00:00:00Z"}]$$),
  '[{"seq":4,"status":"applied","version":2},{"seq":5,"status":"applied","version":3}]', 'a patch that changes nothing is applied at the version there is'
);
select is(
  pg_temp.push($$[{"seq":6,"table":"edited","op":"put","id":"00000000-0000-4000-8000-000000000002","base":2,"data":{"name":"whole","n":9},"edited_at":"2026-01-01T00:00:00Z"}]$$),
  '[{"seq":6,"status":"applied","version":3}]', 'a put of a row that is there writes it'
);
select is(
  pg_temp.push($$[{"seq":7,"table":"edited","op":"delete","id":"00000000-0000-4000-8000-000000000002","base":3,"edited_at":"2026-01-01T00:00:00Z"}]$$),
  '[{"seq":7,"status":"applied","version":4}]', 'a delete is applied, though a SELECT policy hides the tombstone'
);
select is(
  pg_temp.statuses(pg_temp.push($$[{"seq":8,"table":"edited","op":"delete","id":"00000000-0000-4000-8000-000000000002","base":3,"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":9,"table":"edited","op":"delete","id":"00000000-0000-4000-8000-000000000099","base":1,"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'applied applied', 'deleting what is deleted, or never was, succeeds'
);
select is(
  pg_temp.statuses(pg_temp.push($$[{"seq":10,"table":"edited","op":"patch","id":"00000000-0000-4000-8000-000000000003","base":1,"data":{"n":2},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":11,"table":"edited","op":"delete","id":"00000000-0000-4000-8000-000000000003","base":1,"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'rejected:forbidden rejected:forbidden', 'what the UPDATE and DELETE policies forbid is forbidden'
);
select is(
  pg_temp.statuses(pg_temp.push($$[{"seq":12,"table":"edited","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":3,"data":{"user_id":"00000000-0000-4000-8000-00000000000b"},"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'rejected:forbidden', 'a row cannot be given away against the policies'
);
select pg_temp.sign_out();
select results_eq(
  $$select id, user_id, n, version, deleted_at is not null from public.edited where id <> pg_temp.id(1) order by 1$$,
  $$values (pg_temp.id(2), pg_temp.user_id('a'), 9, 4::bigint, true),
    (pg_temp.id(3), pg_temp.user_id('a'), 1, 1, false), (pg_temp.id(4), pg_temp.user_id('b'), 1, 1, false)$$,
  'nothing else was written'
);
select is((select user_id from public.edited where id = pg_temp.id(1)), pg_temp.user_id('a'), 'the row stays with its owner');

select * from finish();
rollback;
