-- A push can do what its user can do by plain SQL, no more and no less: grants on tables and columns, policies by command.
begin;
\ir ../helpers.psql
select plan(10);

create table public.rights_add_only (id uuid primary key, user_id uuid default auth.uid(), line text);
create table public.rights_delete_only (id uuid primary key, user_id uuid not null, line text);
create table public.rights_columns (id uuid primary key, user_id uuid not null default auth.uid(), title text, admin_note text, secret text);
create table public.rights_none (id uuid primary key, user_id uuid not null default auth.uid());
create table public.rights_shared (id uuid primary key, user_id uuid not null, line text);
alter table public.rights_add_only enable row level security;
alter table public.rights_none enable row level security;
create policy "add" on public.rights_add_only for insert with check (true);
select pg_temp.allow_all('public.rights_shared');
select tidemark.add_table('public.rights_add_only', 'public');
select pg_temp.add_own_table('public.rights_delete_only'), pg_temp.add_own_table('public.rights_columns');
select tidemark.add_table('public.rights_none', 'user:user_id'), tidemark.add_table('public.rights_shared', 'user:user_id');
insert into public.rights_delete_only values (pg_temp.id(1), pg_temp.user_id('a'), 'x');
insert into public.rights_columns values (pg_temp.id(1), pg_temp.user_id('a'), 'x', 'note', 'word');
insert into public.rights_shared values (pg_temp.id(1), pg_temp.user_id('b'), 'x'), (pg_temp.id(2), pg_temp.user_id('b'), 'y');
revoke insert, update on public.rights_delete_only from authenticated;
revoke select, insert, update on public.rights_columns from authenticated;
grant select (id, user_id, title, admin_note, version, updated_at, deleted_at), insert (id, user_id, title), update (title) on public.rights_columns to authenticated;

select pg_temp.sign_in('a');
select is(
  pg_temp.push('[{"seq":1,"table":"rights_add_only","op":"put","id":"00000000-0000-4000-8000-000000000001","data":{"line":"x"},"edited_at":"2026-01-01T00:00:00Z"}]'),
  '[{"seq":1,"status":"applied","version":1}]', 'a row may be added where it cannot be read, and no row of nulls comes back'
);
select is(
  pg_temp.statuses(pg_temp.push('[{"seq":2,"table":"rights_add_only","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":1,"data":{"line":"y"},"edited_at":"2026-01-01T00:00:00Z"}]')),
  'rejected:not_found', 'but not edited'
);
select is(
  pg_temp.statuses(pg_temp.push('[{"seq":3,"table":"rights_delete_only","op":"delete","id":"00000000-0000-4000-8000-000000000001","base":1,"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":4,"table":"rights_delete_only","op":"delete","id":"00000000-0000-4000-8000-000000000009","base":1,"edited_at":"2026-01-01T00:00:00Z"}]')),
  'applied applied', 'a row may be deleted where it cannot be updated, and so may one that is not there'
);
select is(
  pg_temp.statuses(pg_temp.push('[{"seq":6,"table":"rights_columns","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":2,"data":{"admin_note":"y"},"edited_at":"2026-01-01T00:00:00Z"}]')),
  'rejected:forbidden', 'one that may only be read is not'
);
select is(
  pg_temp.statuses(pg_temp.push('[{"seq":7,"table":"rights_columns","op":"put","id":"00000000-0000-4000-8000-000000000002","data":{"title":"new"},"edited_at":"2026-01-01T00:00:00Z"}]')),
  'applied', 'a row may be added with the columns that may be inserted'
);
select is(
  pg_temp.statuses(pg_temp.push('[{"seq":8,"table":"rights_columns","op":"put","id":"00000000-0000-4000-8000-000000000003","data":{"title":"new","admin_note":"mine"},"edited_at":"2026-01-01T00:00:00Z"}]')),
  'rejected:forbidden', 'with one that may not it is rejected, not stored without it'
);
select is(
  pg_temp.statuses(pg_temp.push('[{"seq":10,"table":"rights_none","op":"put","id":"00000000-0000-4000-8000-000000000001","data":{},"edited_at":"2026-01-01T00:00:00Z"}]')),
  'rejected:forbidden', 'without a policy nothing is allowed'
);
select is(
  pg_temp.statuses(pg_temp.push('[{"seq":11,"table":"rights_shared","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":1,"data":{"line":"z"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":12,"table":"rights_shared","op":"delete","id":"00000000-0000-4000-8000-000000000002","base":1,"edited_at":"2026-01-01T00:00:00Z"}]')),
  'applied applied', 'policies may let a user write rows outside of the user''s own scope'
);
select pg_temp.sign_out();
select is((select count(*) from public.rights_columns), 2::bigint, 'nothing was stored halfway');
select results_eq(
  $$select line, deleted_at is null from public.rights_shared order by id$$, $$values ('z', true), ('y', false)$$, 'and what is allowed is done'
);

select * from finish();
rollback;
