-- However a statement is put together, an entry stands for one row and one version.
begin;
\ir ../helpers.psql
select plan(4);

create table public.counted (id int primary key, name text);
select pg_temp.add_public_table('public.counted');
create function pg_temp.entries() returns bigint language sql as $$
  select count(*) from pg_temp.log_of('counted') c
$$;

with first as (insert into public.counted values (1, 'a') returning id),
second as (insert into public.counted values (2, 'b') returning id)
select count(*) from first, second;
select is(pg_temp.entries(), 2::bigint, 'two inserts of one statement are two entries');
update public.counted t set name = s.name from (values (1, 'c'), (1, 'd'), (2, 'e')) as s (id, name) where s.id = t.id;
select is(pg_temp.entries(), 4::bigint, 'a row joined twice is updated and logged once');
do $$ begin for n in 1..3 loop update public.counted set name = n::text where id = 1; end loop; end $$;
select is(
  (select string_agg(c.version::text, ' ' order by c.id) from pg_temp.log_of('counted') c where c.row_id = '1'),
  '1 2 3 4 5', 'versions count without a gap'
);
select is(
  (select count(distinct c.version) from pg_temp.log_of('counted') c where c.row_id = '1'),
  5::bigint, 'and none comes twice'
);

select * from finish();
rollback;
