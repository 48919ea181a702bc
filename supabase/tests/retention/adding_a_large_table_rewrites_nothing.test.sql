-- add_table adds columns with constant defaults: no row is written, whatever the size of the table.
begin;
\ir ../helpers.psql
select plan(9);

create table public.vast (id bigint primary key, user_id uuid not null, name text);
alter table public.vast enable row level security;
insert into public.vast select n, pg_temp.user_id('a'), 'row ' || n from generate_series(1, 20000) n;
create table public.vast_places as select id, ctid as place, xmin::text as writer from public.vast;
create temp table before as select pg_relation_filenode('public.vast') as file, pg_relation_size('public.vast') as size;

select lives_ok($$ select tidemark.add_table('public.vast', 'user:user_id') $$, 'a table with rows is added');
select is(pg_relation_filenode('public.vast'), (select file from before), 'its file is the one it was');
select is(pg_relation_size('public.vast'), (select size from before), 'and as large as it was');
select is(
  (select count(*) from public.vast v join public.vast_places p using (id) where v.ctid = p.place and v.xmin::text = p.writer), 20000::bigint,
  'every row is where it was, untouched'
);
select is((select count(*) from public.vast where version = 1 and updated_at = now() and deleted_at is null), 20000::bigint, 'and has its stamps');
select lives_ok($$ select tidemark.add_table('public.vast', 'user:user_id', 'merge') $$, 'adding it again');
select is(pg_relation_filenode('public.vast'), (select file from before), 'writes nothing, either');
select lives_ok($$ select tidemark.remove_table('public.vast') $$, 'nor does removing it');
select is(
  (select count(*) from public.vast v join public.vast_places p using (id) where v.ctid = p.place), 20000::bigint, 'every row is still where it was'
);

select * from finish();
rollback;
