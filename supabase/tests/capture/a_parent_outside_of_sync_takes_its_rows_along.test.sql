-- Rows of a parent that is really deleted (auth.users) really go: a tombstone would point at nothing, and keep what
-- its owner asked to be erased. Devices are told as of any delete.
begin;
\ir ../helpers.psql
select plan(6);

create table public.outer_owner (id int primary key);
create table public.inner_list (id int primary key, owner int not null references public.outer_owner on delete cascade);
create table public.inner_item (id int primary key, list int references public.inner_list on delete cascade);
create table public.inner_note (id int primary key, owner int references public.outer_owner on delete set null);
select pg_temp.add_public_table('public.inner_list', 'public.inner_item', 'public.inner_note');
insert into public.outer_owner values (1), (2);
insert into public.inner_list values (1, 1), (2, 2), (3, 1);
insert into public.inner_item values (1, 1), (2, 2);
insert into public.inner_note values (1, 1);
delete from public.inner_list where id = 3;

select lives_ok($$delete from public.outer_owner where id = 1$$, 'the parent can be deleted');
select results_eq($$select id from public.inner_list$$, array[2], 'its rows are gone, tombstones too');
select results_eq($$select id from public.inner_item$$, array[2], 'and so are their children');
select results_eq($$select id, owner from public.inner_note$$, $$values (1, null::int)$$, 'set null is set null');
select is(
  (select string_agg(t.name || ' ' || c.row_id, ', ' order by t.name, c.row_id) from tidemark.sync_changes c
    join tidemark.sync_tables t using (table_no) where c.op = 'delete' and t.name like 'inner%'),
  'inner_item 1, inner_list 1, inner_list 3', 'each is logged as deleted, once'
);
select lives_ok(
  $$alter table public.inner_list drop constraint inner_list_owner_fkey,
    add constraint inner_list_owner_fkey foreign key (owner) references public.outer_owner on delete cascade$$,
  'every foreign key still holds'
);

select * from finish();
rollback;
