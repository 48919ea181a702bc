-- The database sets version and updated_at: no role that writes a row chooses them.
begin;
\ir ../helpers.psql
select plan(8);

create table public.forged (id int primary key, user_id uuid not null default auth.uid(), name text);
alter table public.forged enable row level security;
create policy "own" on public.forged using (user_id = auth.uid());
create policy "service" on public.forged to service_role using (true);
select tidemark.add_table('public.forged', 'user:user_id');

create function pg_temp.stamps(n int) returns text language sql as $$
  select version || case when updated_at = now() then ' now' else ' ' || updated_at::text end from public.forged where id = n
$$;

select pg_temp.sign_in('a');
insert into public.forged (id, version, updated_at) values (1, 99, '2099-01-01');
select is(pg_temp.stamps(1), '1 now', 'an insert starts at version 1, now, whatever it says');
insert into public.forged (id, version, updated_at) values (2, null, null);
select is(pg_temp.stamps(2), '1 now', 'also where it says null');
update public.forged set version = 50, updated_at = '2001-01-01', name = 'a' where id = 1;
select is(pg_temp.stamps(1), '2 now', 'an update counts by one, whatever it says');
update public.forged set version = 50, updated_at = '2001-01-01' where id = 1;
select is(pg_temp.stamps(1), '2 now', 'an update of the stamps alone changes nothing');
update public.forged set version = null where id = 1;
select is(pg_temp.stamps(1), '2 now', 'a version cannot be taken away');
select pg_temp.sign_out();
update public.forged set version = 50, name = 'b' where id = 1;
select is(pg_temp.stamps(1), '3 now', 'the owner cannot choose one either');
set local role service_role;
update public.forged set version = 50, name = 'c' where id = 1;
reset role;
select is(pg_temp.stamps(1), '4 now', 'nor can the service role');
select is(
  (select string_agg(c.version::text, ' ' order by c.id) from pg_temp.log_of('forged') c where c.row_id = '1'),
  '1 2 3 4', 'the log has the same versions'
);

select * from finish();
rollback;
