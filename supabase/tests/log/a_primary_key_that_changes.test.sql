-- Devices know a row by its id: a new id is a new row, the old one is deleted for them.
begin;
\ir ../helpers.psql
select plan(5);

create table public.renamed (id text primary key, user_id uuid not null, n int);
alter table public.renamed enable row level security;
select tidemark.add_table('public.renamed', 'user:user_id');
insert into public.renamed values ('a', pg_temp.user_id('a'), 1), ('b', pg_temp.user_id('a'), 2);
create function pg_temp.entries() returns text language sql as $$
  select string_agg(concat(right(c.scope, 1), ' ', c.op, ' ', c.row_id), ', ' order by c.op, c.scope, c.row_id)
  from pg_temp.log_of('renamed') c where c.version > 1
$$;

update public.renamed set id = 'c' where id = 'a';
select is(pg_temp.entries(), 'a insert c, a delete a', 'the old id is deleted, the new one inserted');
select is((select version from public.renamed where id = 'c'), 2::bigint, 'the row counts on');
delete from tidemark.sync_changes where xact = pg_current_xact_id();
update public.renamed set id = 'd', user_id = pg_temp.user_id('b') where id = 'c';
select is(pg_temp.entries(), 'b insert d, a delete c', 'also when it moves to another owner at once');
delete from tidemark.sync_changes where xact = pg_current_xact_id();
alter table public.renamed drop constraint renamed_pkey, add primary key (id) deferrable;
set constraints all deferred;
update public.renamed set id = case id when 'b' then 'd' else 'b' end;
select is((select string_agg(id || n, ' ' order by id) from public.renamed), 'b1 d2', 'two rows may swap their ids');
select is(
  (select string_agg(c.row_id || ' ' || c.op, ', ' order by c.row_id, c.op) from pg_temp.log_of('renamed') c where c.op <> 'leave'),
  'b update, d update', 'and each id has changed'
);

select * from finish();
rollback;
