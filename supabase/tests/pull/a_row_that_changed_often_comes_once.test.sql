-- A page names a row once, however often it changed, and sends its current state.
begin;
\ir ../helpers.psql
select plan(4);

create table public.busy (id uuid primary key, user_id uuid not null, n int);
select pg_temp.add_own_table('public.busy');
select pg_temp.sign_in('a');
select pg_temp.save('cursor', pg_temp.as_of(pg_temp.pull(null, '{"tables":["busy"]}') -> 'cursor', 1));
select pg_temp.sign_out();
insert into public.busy select pg_temp.id(n), pg_temp.user_id('a'), 0 from generate_series(1, 4) n;
update public.busy set n = 1 where id = pg_temp.id(1);
update public.busy set n = 2 where id = pg_temp.id(1);
delete from public.busy where id = pg_temp.id(2);
update public.busy set n = 3 where id = pg_temp.id(3);
delete from public.busy where id = pg_temp.id(3);
update public.busy set user_id = pg_temp.user_id('b') where id = pg_temp.id(4);
update public.busy set user_id = pg_temp.user_id('a') where id = pg_temp.id(4);
select pg_temp.commit_as(1);

select pg_temp.sign_in('a');
select pg_temp.save('page', pg_temp.pull(pg_temp.saved('cursor'), '{"tables":["busy"]}'));
select is(pg_temp.changes(pg_temp.saved('page')), '+1 +4 -2 -3', 'each row is named once');
select is(
  pg_temp.saved('page') #> '{changes,0,upsert,0,n}', '2', 'with what it holds now'
);
select is(pg_temp.saved('page') #> '{changes,0,upsert,0,version}', '3', 'and its version now');
select is(pg_temp.saved('page') #> '{changes,0,upsert,1,version}', '3', 'one that went and came back is here');

select * from finish();
rollback;
