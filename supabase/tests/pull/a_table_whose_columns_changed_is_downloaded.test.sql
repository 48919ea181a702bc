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

create temp table device (cursor json);
insert into device values (null);
-- The next page: {table: ids}, and whether there is more.
create function pg_temp.pull(tables text[] default '{shaped,steady}', size int default 1000) returns jsonb
language plpgsql
as $$
declare
  at json := (select d.cursor from device d);
  page json;
begin
  perform set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true), set_config('role', 'authenticated', true);
  page := public.sync_pull('00000000-0000-4000-8000-0000000000d1', at, json_build_object('tables', tables, 'limit', size));
  perform set_config('role', 'postgres', true);
  update device set cursor = page -> 'cursor';
  return coalesce((
    select jsonb_object_agg(c ->> 'table', (select jsonb_agg(u -> 'id') from json_array_elements(c -> 'upsert') u))
    from json_array_elements(page -> 'changes') c), '{}');
end
$$;
create function pg_temp.more(size int) returns jsonb[]
language sql
as $$
  select array[pg_temp.pull(size => size), pg_temp.pull(size => size), pg_temp.pull(size => size), pg_temp.pull(size => size)]
$$;

select pg_temp.pull();
select is(pg_temp.pull(), '{}', 'nothing is new');

alter table public.shaped add column stars int not null default 3;
select is(pg_temp.pull(), '{"shaped": [1, 2, 3, 4, 5]}', 'a column with a default: the table is sent again, and no other');
select is(pg_temp.pull(), '{}', 'once');

alter table public.shaped rename column phone to mobile;
select is(pg_temp.pull(), '{"shaped": [1, 2, 3, 4, 5]}', 'a column under another name');
alter table public.shaped drop column mobile;
select is(pg_temp.pull(), '{"shaped": [1, 2, 3, 4, 5]}', 'a column that is gone');
alter table public.shaped alter column stars type text using repeat('*', stars);
select is(pg_temp.pull(), '{"shaped": [1, 2, 3, 4, 5]}', 'a column of another type, whose values changed');
alter table public.shaped add constraint short check (length(name) < 100);
select is(pg_temp.pull(), '{}', 'what changes no row sends none');

alter table public.shaped add column a int;
select is(pg_temp.pull('{steady}'), '{}', 'a table that is left out waits');
select is(pg_temp.pull(), '{"shaped": [1, 2, 3, 4, 5]}', 'and comes when it is asked for again');

alter table public.shaped add column b int;
select is(pg_temp.pull(size => 2), '{"shaped": [1, 2]}', 'in pages');
alter table public.shaped add column c int;
select is(pg_temp.more(2), array['{"shaped": [1, 2]}', '{"shaped": [3, 4]}', '{"shaped": [5]}', '{}']::jsonb[],
  'changed again in the middle of it, from the beginning');

revoke select on public.shaped from authenticated;
grant select (id, version, updated_at, deleted_at, name, stars) on public.shaped to authenticated;
select is(pg_temp.pull(), '{"shaped": [1, 2, 3, 4, 5]}', 'columns that the caller may read no more are taken from the device');
alter table public.shaped add column secret text default 's';
select is(pg_temp.pull(), '{}', 'a column that the caller may not read is none');
grant select (secret) on public.shaped to authenticated;
select is(pg_temp.pull(), '{"shaped": [1, 2, 3, 4, 5]}', 'until it may be');

select * from finish();
rollback;
