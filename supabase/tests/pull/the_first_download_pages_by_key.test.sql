-- The first download reads the tables themselves, in key order, page by page: each row once, parents first.
begin;
\ir ../helpers.psql
select plan(14);

create table public.paged_item (id uuid primary key, list uuid, user_id uuid not null);
create table public.paged_list (id uuid primary key, user_id uuid not null);
alter table public.paged_item add foreign key (list) references public.paged_list;
select pg_temp.add_own_table('public.paged_item');
select pg_temp.add_own_table('public.paged_list');
insert into public.paged_list select pg_temp.id(n), pg_temp.user_id('a') from generate_series(1, 3) n;
insert into public.paged_list values (pg_temp.id(4), pg_temp.user_id('b'));
insert into public.paged_item select pg_temp.id(10 + n), pg_temp.id(1), pg_temp.user_id('a') from generate_series(1, 4) n;
insert into public.paged_item values (pg_temp.id(15), pg_temp.id(4), pg_temp.user_id('b')), (pg_temp.id(16), pg_temp.id(1), pg_temp.user_id('a'));
delete from public.paged_item where id = pg_temp.id(16);
select pg_temp.commit_as(0);
-- What the next page changes, and "…" where there is more.
create function pg_temp.next(size int) returns text language sql as $$
  select pg_temp.changes(p) || case when (p ->> 'more')::boolean then ' …' else '' end from pg_temp.next_page('{paged_item,paged_list}', size) p
$$;

select pg_temp.sign_in('a');
select pg_temp.save('cursor', 'null');
select is(pg_temp.next(100), '+1 +2 +3 +11 +12 +13 +14', 'one page holds all there is: parents first, no tombstones, no rows of other users');
select is(pg_temp.saved('page') -> 'progress', null, 'a download of one page has no progress to tell');
select is(
  (pg_temp.saved('page') #>> '{changes,0,scope}') || ' ' || (pg_temp.saved('page') #>> '{changes,0,table}'),
  'user:00000000-0000-4000-8000-00000000000a paged_list', 'each change names scope and table'
);

select pg_temp.save('cursor', 'null');
select is(pg_temp.next(2), '+1 +2 …', 'a small page ends where it is full');
select is(pg_temp.saved('page') -> 'progress', '{"done":2,"total":7}', 'and tells how far the download is');
select is(pg_temp.next(2), '+3 +11 …', 'the next one goes on, over to the next table');
select is(pg_temp.saved('page') -> 'progress', '{"done":4,"total":7}', 'and counts on');
select is(pg_temp.next(2), '+12 +13 …', 'and on');
select is(pg_temp.next(2), '+14', 'up to the last row');
select is(pg_temp.next(2), '', 'then there is nothing new');

select pg_temp.save('cursor', 'null');
select pg_temp.next(2);
select pg_temp.save('half', pg_temp.saved('cursor'));
select pg_temp.next(3);
select pg_temp.save('first', pg_temp.saved('page'));
select pg_temp.save('cursor', pg_temp.saved('half'));
select pg_temp.next(3);
select is(pg_temp.saved('page') -> 'changes', pg_temp.saved('first') -> 'changes', 'a page fetched again is the same page');
select pg_temp.save('cursor', pg_temp.saved('half'));
select is(pg_temp.next(7), '+3 +11 +12 +13 +14', 'the size of a page may change on the way');

select pg_temp.sign_in('b');
select pg_temp.save('cursor', 'null');
select sync_register_device(pg_temp.device(2));
select is(
  pg_temp.changes(pg_temp.pull(null, '{"tables":["paged_item","paged_list"]}', 2)), '+4 +15', 'another user gets theirs'
);
select is(
  pg_temp.changes(pg_temp.pull(pg_temp.saved('half'), '{"tables":["paged_item","paged_list"]}', 2)), '+4 +15',
  'another user''s cursor opens nothing of that user''s'
);

select * from finish();
rollback;
