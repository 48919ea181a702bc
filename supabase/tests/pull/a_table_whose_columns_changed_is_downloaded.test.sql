-- Changing columns fires no trigger and gives rows no version. Devices that hold them get them again.
begin;
\ir ../helpers.psql
select plan(14);

create table public.shaped (id int primary key, name text, phone text);
create table public.steady (id int primary key, name text);
grant select on public.shaped, public.steady to authenticated;
insert into public.shaped select n, 'n' || n, 'p' || n from generate_series(1, 5) n;
insert into public.steady select n, 'n' || n from generate_series(1, 5) n;
select pg_temp.add_public_table('public.shaped');
select pg_temp.add_public_table('public.steady');

select pg_temp.save('cursor', 'null');
-- The next page: {table: ids}.
create function pg_temp.next(tables text[] default '{shaped,steady}', size int default 1000) returns jsonb language sql as $$
  select coalesce(jsonb_object_agg(c ->> 'table', (select jsonb_agg(u -> 'id') from jsonb_array_elements(c -> 'upsert') u)), '{}')
  from jsonb_array_elements(pg_temp.next_page(tables, size) -> 'changes') c
$$;
create function pg_temp.more(size int) returns jsonb[]
language sql
as $$
  select array[pg_temp.next(size => size), pg_temp.next(size => size), pg_temp.next(size => size), pg_temp.next(size => size)]
$$;

select pg_temp.next();
select is(pg_temp.next(), '{}', 'nothing is new');

alter table public.shaped add column stars int not null default 3;
select is(pg_temp.next(), '{"shaped": [1, 2, 3, 4, 5]}', 'a column with a default: the table is sent again, and no other');
select is(pg_temp.next(), '{}', 'once');

alter table public.shaped rename column phone to mobile;
select is(pg_temp.next(), '{"shaped": [1, 2, 3, 4, 5]}', 'a column under another name');
alter table public.shaped drop column mobile;
select is(pg_temp.next(), '{"shaped": [1, 2, 3, 4, 5]}', 'a column that is gone');
alter table public.shaped alter column stars type text using repeat('*', stars);
select is(pg_temp.next(), '{"shaped": [1, 2, 3, 4, 5]}', 'a column of another type, whose values changed');
alter table public.shaped add constraint short check (length(name) < 100);
select is(pg_temp.next(), '{}', 'what changes no row sends none');

alter table public.shaped add column a int;
select is(pg_temp.next('{steady}'), '{}', 'a table that is left out waits');
select is(pg_temp.next(), '{"shaped": [1, 2, 3, 4, 5]}', 'and comes when it is asked for again');

alter table public.shaped add column b int;
select is(pg_temp.next(size => 2), '{"shaped": [1, 2]}', 'in pages');
alter table public.shaped add column c int;
select is(pg_temp.more(2), array['{"shaped": [1, 2]}', '{"shaped": [3, 4]}', '{"shaped": [5]}', '{}']::jsonb[],
  'changed again in the middle of it, from the beginning');

revoke select on public.shaped from authenticated;
grant select (id, version, updated_at, deleted_at, name, stars) on public.shaped to authenticated;
select is(pg_temp.next(), '{"shaped": [1, 2, 3, 4, 5]}', 'columns that the caller may read no more are taken from the device');
alter table public.shaped add column secret text default 's';
select is(pg_temp.next(), '{}', 'a column that the caller may not read is none');
grant select (secret) on public.shaped to authenticated;
select is(pg_temp.next(), '{"shaped": [1, 2, 3, 4, 5]}', 'until it may be');

select * from finish();
rollback;
