-- A delete is final in a purge and where its parent is gone, and no role makes one final by a setting:
-- not in a statement of their own, nor through a cascade or a function that runs as the app's owner.
begin;
\ir ../helpers.psql
select plan(9);

create table public.folders (id int primary key, user_id uuid not null default auth.uid());
create table public.papers (
  id int primary key, user_id uuid not null default auth.uid(),
  folder int references public.folders (id) on delete cascade
);
select pg_temp.allow_own('public.folders');
grant all on public.folders, public.papers to authenticated;
select pg_temp.add_own_table('public.papers');

-- What an app's owner may have written without a thought of sync.
create function public.set_any(name text, value text) returns text language sql as $$ select set_config(name, value, true) $$;
create function public.tidy_papers(which int[]) returns void language sql security definer set search_path = '' as $$
  delete from public.papers where id = any (which)
$$;

create function pg_temp.papers() returns text language sql as $$
  select string_agg(p.id || case when p.deleted_at is null then ' there' else ' tombstone' end, ', ' order by p.id) from public.papers p
$$;
create function pg_temp.logged() returns text language sql as $$
  select string_agg(c.row_id, ' ' order by c.row_id) from tidemark.sync_changes c
  where c.op = 'delete' and c.table_no = pg_temp.table_no('papers')
$$;

insert into public.folders values (1, pg_temp.user_id('a')), (2, pg_temp.user_id('a'));
insert into public.papers select n, pg_temp.user_id('a'), case n when 5 then 1 end from generate_series(1, 6) n;

select pg_temp.sign_in('a');
-- The values mean something, did mean something, or mean nothing.
select set_any('tidemark.purging', 'rows');
delete from public.papers where id = 1;
select set_any('tidemark.purging', 'on');
delete from public.papers where id = 2;
select tidy_papers('{3}');
select throws_ok($$insert into tidemark.purging (what) values ('rows')$$, '42501', null, 'a user cannot claim to be purging');
select throws_ok($$select tidemark.start_purging('rows')$$, '42501', null, 'nor call the function that does');
select pg_temp.sign_out();
select is(pg_temp.papers(), '1 tombstone, 2 tombstone, 3 tombstone, 4 there, 5 there, 6 there', 'deletes under a forged setting are soft');
select is(pg_temp.logged(), '1 2 3', 'and in the log');

select pg_temp.sign_in('a');
select set_any('tidemark.purging', 'on');
delete from public.papers where id in (1, 2, 3);
select pg_temp.sign_out();
select is(pg_temp.papers(), '1 tombstone, 2 tombstone, 3 tombstone, 4 there, 5 there, 6 there', 'tombstones stay too');

-- The parent is really gone: its paper goes with it, as ever, and the log says so.
select pg_temp.sign_in('a');
select set_any('tidemark.purging', 'on');
delete from public.folders where id = 1;
delete from public.papers where id = 6;
select pg_temp.sign_out();
select is(pg_temp.papers(), '1 tombstone, 2 tombstone, 3 tombstone, 4 there, 6 tombstone', 'a row goes with its parent, and no later one of the transaction does');
select is(pg_temp.logged(), '1 2 3 5 6', 'which is in the log');
select is_empty($$select from tidemark.purging$$, 'nothing says purging any more');

alter table public.papers disable trigger user;
update public.papers set deleted_at = now() - interval '11 years' where id in (1, 2);
alter table public.papers enable trigger user;
select tidemark.purge(interval '10 years');
select is(pg_temp.papers(), '3 tombstone, 4 there, 6 tombstone', 'a purge deletes for good');

select * from finish();
rollback;
