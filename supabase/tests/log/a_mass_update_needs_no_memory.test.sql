-- A statement of any number of rows is logged in as much memory as work_mem allows: a backfill of a large table
-- is not held in it.
begin;
\ir ../helpers.psql
select plan(2);

-- What the session holds while the log is written, which is in the midst of the trigger that writes it.
create temp table held (megabytes int);
create function pg_temp.weigh() returns trigger language plpgsql security definer as $$
begin
  insert into pg_temp.held select sum(m.total_bytes) / 1048576 from pg_catalog.pg_backend_memory_contexts m;
  return null;
end
$$;
create trigger weigh after insert on tidemark.sync_changes for each statement execute function pg_temp.weigh();

create table public.massive (id int primary key, owner uuid not null default pg_temp.user_id('e7'), name text);
alter table public.massive enable row level security;
select tidemark.add_table('public.massive', 'user:owner');
insert into public.massive (id) select generate_series(1, 30000);
delete from pg_temp.held;
set local work_mem = '256kB';
update public.massive set name = 'x' where id = 1;
update public.massive set name = 'y';
select is((select count(*) from pg_temp.held), 2::bigint, 'a small and a mass update were weighed');
select cmp_ok((select max(h.megabytes) - min(h.megabytes) from pg_temp.held h), '<', 6, 'they hold about the same');

select * from finish();
rollback;
