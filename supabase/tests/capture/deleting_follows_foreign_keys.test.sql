-- A parent that stays as a tombstone does to its children what ON DELETE says.
begin;
\ir ../helpers.psql
select plan(8);

create table public.fk_list (id int primary key, code text unique);
create table public.fk_default (id int primary key);
create table public.fk_cascade (id int primary key, list int references public.fk_list on delete cascade);
create table public.fk_grandchild (id int primary key, parent int not null references public.fk_cascade on delete cascade);
create table public.fk_null (id int primary key, list int references public.fk_list on delete set null, kept text);
create table public.fk_set_default (id int primary key, list int default 9 references public.fk_list on delete set default);
create table public.fk_by_code (id int primary key, code text references public.fk_list (code) on delete cascade);
create table public.fk_unsynced (id int primary key, list int references public.fk_list on delete cascade);
create table public.fk_unsynced_null (id int primary key, list int references public.fk_list on delete set null);
select pg_temp.add_public_table('public.fk_list', 'public.fk_cascade', 'public.fk_grandchild', 'public.fk_null', 'public.fk_set_default', 'public.fk_by_code');

insert into public.fk_list values (1, 'one'), (2, 'two'), (9, 'nine');
insert into public.fk_cascade values (1, 1), (2, 2), (3, null), (4, 1);
insert into public.fk_grandchild values (1, 1), (2, 2), (3, 4);
insert into public.fk_null values (1, 1, 'x'), (2, 2, 'y');
insert into public.fk_set_default values (1, 1), (2, 2);
insert into public.fk_by_code values (1, 'one'), (2, 'two');
insert into public.fk_unsynced values (1, 1), (2, 2);
insert into public.fk_unsynced_null values (1, 1), (2, 2);
delete from public.fk_list where id = 1;

select is((select string_agg(id::text, ' ' order by id) from public.fk_cascade where deleted_at is not null), '1 4', 'cascade deletes the children softly');
select is((select string_agg(id::text, ' ' order by id) from public.fk_grandchild where deleted_at is not null), '1 3', 'and their children');
select results_eq($$select id, list, version, deleted_at from public.fk_null order by 1$$,
  $$values (1, null::int, 2::bigint, null::timestamptz), (2, 2, 1, null)$$, 'set null sets null, as a change of the child');
select results_eq($$select id, list from public.fk_set_default order by 1$$, $$values (1, 9), (2, 2)$$, 'set default sets the default');
select is((select string_agg(id::text, ' ' order by id) from public.fk_by_code where deleted_at is not null), '1', 'a foreign key on another unique column is followed, too');
select results_eq($$select id from public.fk_unsynced$$, array[2], 'children outside of sync are really deleted');
select results_eq($$select id, list from public.fk_unsynced_null order by 1$$, $$values (1, null::int), (2, 2)$$, 'or set to null');
select is(
  (select string_agg(t.name || ' ' || c.op || ' ' || c.row_id, ', ' order by t.name, c.row_id)
    from tidemark.sync_changes c join tidemark.sync_tables t using (table_no) where t.name like 'fk_%' and c.op in ('update', 'delete')),
  'fk_by_code delete 1, fk_cascade delete 1, fk_cascade delete 4, fk_grandchild delete 1, fk_grandchild delete 3, fk_list delete 1, fk_null update 1, fk_set_default update 1',
  'every row that was touched is logged once'
);

select * from finish();
rollback;
