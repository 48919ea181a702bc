-- The DELETE policy says who may delete. Setting deleted_at by hand neither goes round it nor brings a row back.
begin;
\ir ../helpers.psql
select plan(9);

create table public.archive (id int primary key, user_id uuid not null default auth.uid(), name text);
alter table public.archive enable row level security;
create policy "read" on public.archive for select using (true);
create policy "change" on public.archive for update using (true);
create policy "add" on public.archive for insert with check (true);
create policy "delete own" on public.archive for delete using (user_id = auth.uid());
create table public.archive_page (id int primary key, parent int references public.archive on delete cascade);
select tidemark.add_table('public.archive', 'public');
select pg_temp.add_public_table('public.archive_page');
insert into public.archive values (1, pg_temp.user_id('b'), 'a'), (2, pg_temp.user_id('b'), 'b');
insert into public.archive_page values (1, 1);
delete from public.archive where id = 2;

select pg_temp.sign_in('a');
select throws_ok(
  $$update public.archive set deleted_at = now() where id = 1$$, 'TM016', null, 'an update cannot delete'
);
select throws_ok(
  $$update public.archive set deleted_at = null where id = 2$$, 'TM016', null, 'nor bring a deleted row back'
);
select throws_ok(
  $$update public.archive set deleted_at = '2000-01-01' where id = 2$$, 'TM016', null, 'nor change when it was deleted'
);
select lives_ok($$update public.archive set name = 'mine', deleted_at = deleted_at where id = 1$$, 'writing deleted_at as it is is allowed');
select pg_temp.sign_out();
set local role service_role;
select throws_ok($$update public.archive set deleted_at = now() where id = 1$$, 'TM016', null, 'the service role deletes with DELETE, too');
reset role;
select results_eq(
  $$select id, name, deleted_at is null from public.archive order by id$$, $$values (1, 'mine', true), (2, 'b', false)$$, 'so rows are as they were'
);
select is((select deleted_at from public.archive_page), null, 'and no child lives under a deleted parent');
update public.archive set deleted_at = null where id = 2;
select is((select deleted_at from public.archive where id = 2), null, 'the owner of the table may bring a row back');
select is(
  (select c.op || ' ' || array_to_string(c.columns, ',') from pg_temp.log_of('archive') c where c.row_id = '2' order by c.id desc limit 1),
  'update deleted_at', 'which devices are told as any change'
);

select * from finish();
rollback;
