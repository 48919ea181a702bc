-- A row is in exactly one scope. Moving it is a leave in the old one and a change in the new one.
begin;
\ir ../helpers.psql
select plan(3);

create table public.handed (id int primary key, user_id uuid not null, name text);
alter table public.handed enable row level security;
select tidemark.add_table('public.handed', 'user:user_id');
insert into public.handed values (1, pg_temp.user_id('a'), 'x'), (2, pg_temp.user_id('a'), 'y');
create function pg_temp.entries(key text) returns text language sql as $$
  select string_agg(concat(right(c.scope, 1), ' ', c.op, ' ', c.version, ' ' || array_to_string(c.columns, ',')), ', ' order by c.version, c.scope)
  from pg_temp.log_of('handed') c where c.row_id = key
$$;

update public.handed set user_id = pg_temp.user_id('b') where id = 1;
select is(pg_temp.entries('1'), 'a insert 1, a leave 2, b update 2 user_id', 'a new owner: leave here, update there');
update public.handed set user_id = pg_temp.user_id('a'), name = 'z' where id = 1;
select is(pg_temp.entries('1'), 'a insert 1, a leave 2, b update 2 user_id, a update 3 name,user_id, b leave 3', 'and back again');
update public.handed set user_id = pg_temp.user_id('b'), deleted_at = now() where id = 2;
select is(pg_temp.entries('2'), 'a insert 1, a leave 2, b delete 2', 'moved and deleted at once: leave here, delete there');

select * from finish();
rollback;
