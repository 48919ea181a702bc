-- A device drops what its user no longer sees: deleted rows, rows that moved to another user, rows that a policy hides.
begin;
\ir ../helpers.psql
select plan(6);

create table public.sighted (id uuid primary key, user_id uuid not null, hidden boolean not null default false, n int);
alter table public.sighted enable row level security;
create policy "what is not hidden" on public.sighted using (not hidden);
select tidemark.add_table('public.sighted', 'user:user_id');
insert into public.sighted select pg_temp.id(n), pg_temp.user_id('a'), false, 0 from generate_series(1, 5) n;
insert into public.sighted values (pg_temp.id(6), pg_temp.user_id('b'), false, 0);
select pg_temp.commit_as(0);
select pg_temp.sign_in('a');
select pg_temp.save('cursor', pg_temp.pull(null, '{"tables":["sighted"]}'));
select is(pg_temp.changes(pg_temp.saved('cursor')), '+1 +2 +3 +4 +5', 'only the user''s own scope is downloaded, even where policies show more');
select pg_temp.save('cursor', pg_temp.as_of(pg_temp.saved('cursor') -> 'cursor', 1));
select pg_temp.sign_out();
delete from public.sighted where id = pg_temp.id(1);
update public.sighted set user_id = pg_temp.user_id('b') where id = pg_temp.id(2);
update public.sighted set hidden = true where id = pg_temp.id(3);
update public.sighted set n = 1 where id in (pg_temp.id(4), pg_temp.id(6));
update public.sighted set id = pg_temp.id(7) where id = pg_temp.id(5);
insert into public.sighted values (pg_temp.id(8), pg_temp.user_id('a'), true, 0);
select pg_temp.commit_as(1);

select pg_temp.sign_in('a');
select pg_temp.save('page', pg_temp.pull(pg_temp.saved('cursor'), '{"tables":["sighted"]}'));
select is(
  pg_temp.changes(pg_temp.saved('page')), '+4 +7 -1 -2 -3 -5 -8',
  'deleted, moved, hidden and renamed rows are removed, and one that was never seen is not shown'
);
select unalike(
  (pg_temp.saved('page') -> 'changes')::text, '%00000000000b%', 'nothing tells whose a moved row is now'
);
select pg_temp.sign_out();
update public.sighted set hidden = false where id = pg_temp.id(3);
select pg_temp.commit_as(2);
select pg_temp.sign_in('a');
select is(
  pg_temp.changes(pg_temp.pull(pg_temp.as_of(pg_temp.saved('cursor'), 2), '{"tables":["sighted"]}')), '+3', 'one that comes into sight again is sent'
);
select is(
  (select string_agg(change ->> 'scope', ' ') from jsonb_array_elements(pg_temp.saved('page') -> 'changes') change),
  'user:00000000-0000-4000-8000-00000000000a', 'all of it under the user''s scope'
);
select pg_temp.sign_in('b');
select sync_register_device(pg_temp.device(2));
select is(
  pg_temp.changes(pg_temp.pull(pg_temp.saved('cursor'), '{"tables":["sighted"]}', 2)), '+2 +6', 'the new owner gets the moved row'
);

select * from finish();
rollback;
