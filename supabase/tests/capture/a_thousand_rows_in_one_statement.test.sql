-- Bulk SQL stays set-based: one entry a row, and time that grows with the rows, not with their square.
begin;
\ir ../helpers.psql
select plan(8);

create table public.bulk_parent (id int primary key, name text);
create table public.bulk_child (id int primary key, parent int not null references public.bulk_parent on delete cascade);
create index on public.bulk_child (parent);
select pg_temp.add_public_table('public.bulk_parent', 'public.bulk_child');
create function pg_temp.logged(tbl text, kind text) returns bigint language sql as $$
  select count(*) from tidemark.sync_changes c join tidemark.sync_tables t using (table_no) where t.name = tbl and c.op::text = kind
$$;

insert into public.bulk_parent select n, 'x' from generate_series(1, 1000) n;
insert into public.bulk_child select n, (n + 1) / 2 from generate_series(1, 2000) n;
select is(pg_temp.logged('bulk_parent', 'insert'), 1000::bigint, 'an insert of 1,000 rows logs 1,000 entries');
update public.bulk_parent set name = 'y';
select is(pg_temp.logged('bulk_parent', 'update'), 1000::bigint, 'so does an update');
select performs_ok($$delete from public.bulk_parent$$, 5000, '1,000 rows with 2,000 children are deleted in one go');
select is((select count(*) from public.bulk_parent where deleted_at is null), 0::bigint, 'all of them');
select is((select count(*) from public.bulk_child where deleted_at is null), 0::bigint, 'and all their children');
select is(pg_temp.logged('bulk_parent', 'delete'), 1000::bigint, 'each parent is logged once');
select is(pg_temp.logged('bulk_child', 'delete'), 2000::bigint, 'each child, too');
select is_empty($$select from tidemark.deleting$$, 'nothing is left in the scratch table');

select * from finish();
rollback;
