-- Changes come in windows. A window keeps its end while it is paged, so what commits meanwhile comes in the next one,
-- and the pages together name every change exactly once.
begin;
\ir ../helpers.psql
select plan(7);

create table public.windowed (id uuid primary key, user_id uuid not null, n int);
select pg_temp.add_own_table('public.windowed');
-- What the next page changes, and "…" where there is more.
create function pg_temp.next(size int) returns text language sql as $$
  select pg_temp.changes(p) || case when (p ->> 'more')::boolean then ' …' else '' end from pg_temp.next_page('{windowed}', size) p
$$;
-- What another transaction commits while this device pages: its number lies behind the end of the open window.
create function pg_temp.window_ends_at(n int) returns void language sql as $$
  select pg_temp.save('cursor', pg_temp.as_of(pg_temp.saved('cursor'), n, field => 'window_end'))
$$;

select pg_temp.sign_in('a');
select pg_temp.save('cursor', pg_temp.as_of(pg_temp.pull(null, '{"tables":["windowed"]}') -> 'cursor', 1));
select pg_temp.sign_out();
insert into public.windowed select pg_temp.id(n), pg_temp.user_id('a'), n from generate_series(1, 5) n;
select pg_temp.commit_as(1);

select pg_temp.sign_in('a');
select is(pg_temp.next(2), '+1 +2 …', 'the first page of the window');
select pg_temp.window_ends_at(2);
select pg_temp.sign_out();
insert into public.windowed values (pg_temp.id(6), pg_temp.user_id('a'), 6);
update public.windowed set n = -1 where id in (pg_temp.id(1), pg_temp.id(5));
delete from public.windowed where id = pg_temp.id(4);
select pg_temp.commit_as(2);
select pg_temp.sign_in('a');
select is(pg_temp.next(2), '+3 -4 …', 'a row named by the window is sent as it is by now: deleted meanwhile, it is removed');
select is(pg_temp.next(2), '+5 …', 'the window ends with what it had when it opened');
select is(pg_temp.next(3), '+1 +5 +6 …', 'what was committed meanwhile comes in the next window');
select is(pg_temp.next(3), '-4 …', 'to its end');
select is(pg_temp.next(3), '', 'and once more, in case there is another window by now');
select is((pg_temp.pull(pg_temp.saved('cursor'), '{"tables":["windowed"]}') ->> 'more')::boolean, false, 'then there is nothing more');

select * from finish();
rollback;
