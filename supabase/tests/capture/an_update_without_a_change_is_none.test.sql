-- Writing what is there already neither counts a version nor reaches any device.
begin;
\ir ../helpers.psql
select plan(9);

create table public.unchanged (
  id int primary key, name text, price numeric, tags text[], doc jsonb, note json,
  shown text generated always as (upper(name)) stored
);
select pg_temp.add_public_table('public.unchanged');
insert into public.unchanged (id, name, price, tags, doc, note) values (1, 'a', 1.50, '{x}', '{"k":1}', '{"k": 1}'), (2, null, null, null, null, null);

create table public.unchanged_plain (id int primary key, name text);
select pg_temp.add_public_table('public.unchanged_plain');
insert into public.unchanged_plain values (1, 'a'), (2, 'b');

create function pg_temp.entries(name text) returns bigint language sql as $$
  select count(*) from tidemark.sync_changes c join tidemark.sync_tables t using (table_no) where t.name = $1
$$;

update public.unchanged_plain set name = name;
select is((select sum(version) from public.unchanged_plain), 2::numeric, 'an update to the same value keeps the version');
select is(pg_temp.entries('unchanged_plain'), 2::bigint, 'and is not logged');
update public.unchanged_plain set name = 'a';
select is((select array_agg(version order by id) from public.unchanged_plain), '{1,2}', 'of two rows only the one that changed counts');
select is(pg_temp.entries('unchanged_plain'), 3::bigint, 'and only that one is logged');
update public.unchanged_plain set name = 'z' where false;
select is(pg_temp.entries('unchanged_plain'), 3::bigint, 'an update of no row logs nothing');

update public.unchanged set name = name, price = price, tags = tags, doc = doc, note = note;
select is((select sum(version) from public.unchanged), 2::numeric, 'also in a table with a generated column');
select is(pg_temp.entries('unchanged'), 2::bigint, 'which logs nothing either');
update public.unchanged set price = 1.5 where id = 1;
select is((select version from public.unchanged where id = 1), 2::bigint, 'a value that prints differently is a change');
update public.unchanged set doc = '{"k": 1}', tags = array['x'] where id = 1;
select is((select version from public.unchanged where id = 1), 2::bigint, 'a value that is merely written differently is none');

select * from finish();
rollback;
