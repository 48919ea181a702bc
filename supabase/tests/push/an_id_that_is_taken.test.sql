-- A put on an id that exists: the caller's own row is edited, their own tombstone is answered gone, and a row of another
-- user is forbidden, in an answer that says nothing of the row.
begin;
\ir ../helpers.psql
select plan(14);

create table public.taken (id uuid primary key, user_id uuid not null default auth.uid(), name text);
select pg_temp.add_own_table('public.taken');
create table public.taken_public (id uuid primary key, name text, draft boolean not null default false);
alter table public.taken_public enable row level security;
create policy "read what is no draft" on public.taken_public for select using (not draft);
create policy "add" on public.taken_public for insert with check (true);
create policy "change" on public.taken_public for update using (true);
create policy "delete" on public.taken_public for delete using (true);
select tidemark.add_table('public.taken_public', 'public');
insert into public.taken values (pg_temp.id(1), pg_temp.user_id('a'), 'mine'), (pg_temp.id(2), pg_temp.user_id('a'), 'dead'), (pg_temp.id(3), pg_temp.user_id('b'), 'hidden'), (pg_temp.id(4), pg_temp.user_id('b'), 'hidden and dead');
insert into public.taken_public values (pg_temp.id(1), 'draft', true), (pg_temp.id(2), 'dead draft', true), (pg_temp.id(3), 'shown', false);
update public.taken_public set name = name || '!';
delete from public.taken where id in (pg_temp.id(2), pg_temp.id(4));
delete from public.taken_public where id = pg_temp.id(2);

create function pg_temp.answer(op text, n int, table_name text default 'taken') returns jsonb language sql as $$
  select pg_temp.push_one(1, jsonb_build_object('table', table_name, 'op', op, 'id', pg_temp.id(n), 'base', null,
    'data', case when op <> 'delete' then '{"name":"new"}'::json end)) - 'seq'
$$;

select pg_temp.sign_in('a');
select is(
  (select concat_ws(' ', a ->> 'status', a ->> 'version', a #>> '{row,name}') from pg_temp.answer('put', 1) a), 'merged 2 new', 'the caller''s own row is edited, and comes back'
);
select is(pg_temp.answer('put', 2) #>> '{error,code}', 'gone', 'the caller''s own deleted row is gone');
select is(pg_temp.answer('put', 3) #>> '{error,code}', 'forbidden', 'another user''s row is forbidden');
select is(pg_temp.answer('put', 3), pg_temp.answer('put', 4), 'and so is their deleted one, in the same words');
select is(pg_temp.answer('patch', 3), pg_temp.answer('patch', 99), 'a patch of a hidden row is answered like one of no row');
select is(pg_temp.answer('patch', 4), pg_temp.answer('patch', 99), 'also where it was deleted');
select is(pg_temp.answer('delete', 3), pg_temp.answer('delete', 99), 'a delete of a hidden row is answered like one of no row');
select is(pg_temp.answer('delete', 4), pg_temp.answer('delete', 99), 'also where it was deleted before');

select is(pg_temp.answer('patch', 1, 'taken_public'), pg_temp.answer('patch', 99, 'taken_public'), 'the same in a public table: a patch');
select is(pg_temp.answer('delete', 1, 'taken_public'), pg_temp.answer('delete', 99, 'taken_public'), 'a delete');
select is(pg_temp.answer('patch', 2, 'taken_public'), pg_temp.answer('patch', 99, 'taken_public'), 'a patch of what was hidden and then deleted');
select is(pg_temp.answer('delete', 2, 'taken_public'), pg_temp.answer('delete', 99, 'taken_public'), 'a delete of it');
select pg_temp.sign_out();
select results_eq(
  $$select id, name, deleted_at is null from public.taken where user_id = pg_temp.user_id('b') order by 1$$,
  $$values (pg_temp.id(3), 'hidden', true), (pg_temp.id(4), 'hidden and dead', false)$$, 'no row of another user was touched'
);
select results_eq(
  $$select id, name, deleted_at is null from public.taken_public order by 1$$,
  $$values (pg_temp.id(1), 'draft!', true), (pg_temp.id(2), 'dead draft!', false), (pg_temp.id(3), 'shown!', true)$$, 'nor anything hidden in the public table'
);

select * from finish();
rollback;
