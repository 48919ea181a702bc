-- A delete becomes a tombstone with rights of its own, so that the DELETE policy decides and no UPDATE policy is needed.
begin;
\ir ../helpers.psql
select plan(9);

create table public.deletable (id int primary key, user_id uuid not null default auth.uid(), locked boolean not null default false);
alter table public.deletable enable row level security;
create policy "read" on public.deletable for select using (true);
create policy "add" on public.deletable for insert with check (user_id = auth.uid());
create policy "delete own" on public.deletable for delete using (user_id = auth.uid() and not locked);
select tidemark.add_table('public.deletable', 'user:user_id');
insert into public.deletable values (1, pg_temp.user_id('a'), false), (2, pg_temp.user_id('a'), true), (3, pg_temp.user_id('b'), false);

create function pg_temp.dead() returns text language sql as $$
  select coalesce(string_agg(id::text, ' ' order by id), 'none') from public.deletable where deleted_at is not null
$$;

select pg_temp.sign_in('a');
update public.deletable set locked = false;
select is((select locked from public.deletable where id = 2), true, 'there is no right to update');
delete from public.deletable where id in (2, 3);
select is(pg_temp.dead(), 'none', 'rows that the DELETE policy leaves out are not deleted');
delete from public.deletable;
select is(pg_temp.dead(), '1', 'those it lets through become tombstones');
select pg_temp.sign_out();
select results_eq(
  $$select version, updated_at, deleted_at from public.deletable where id = 1$$, $$values (2::bigint, now(), now())$$,
  'a tombstone counts a version and has its instant'
);
select is(
  (select c.op || ' ' || c.scope || ' ' || c.version from pg_temp.log_of('deletable') c where c.row_id = '1' order by c.id desc limit 1),
  'delete user:00000000-0000-4000-8000-00000000000a 2', 'and is logged as a delete'
);
delete from public.deletable where id = 1;
select is((select version from public.deletable where id = 1), 2::bigint, 'deleting a tombstone again changes nothing');
select is(
  (select count(*) from pg_temp.log_of('deletable') c where c.op = 'delete'),
  1::bigint, 'and logs nothing'
);

revoke delete on public.deletable from authenticated;
select pg_temp.sign_in('a');
select throws_ok($$delete from public.deletable where id = 2$$, '42501', null, 'the right to delete is still needed');
select pg_temp.sign_out();
select is_empty($$select from tidemark.deleting$$, 'nothing is left in the scratch table');

select * from finish();
rollback;
