-- A table that a role may not read, or may read in part, is that table's matter: the others sync.
begin;
\ir ../helpers.psql
select plan(7);

create table public.open_book (id uuid primary key, user_id uuid not null);
create table public.drop_box (id uuid primary key, user_id uuid not null, line text);
create table public.half_open (id uuid primary key, user_id uuid not null, shown text, secret text);
create schema closed_rooms;
create table closed_rooms.diary (id uuid primary key, user_id uuid not null);
select pg_temp.add_own_table('public.open_book');
select pg_temp.add_own_table('public.drop_box');
select pg_temp.add_own_table('public.half_open');
select pg_temp.add_own_table('closed_rooms.diary');
insert into public.open_book values (pg_temp.id(1), pg_temp.user_id('a'));
insert into public.drop_box values (pg_temp.id(2), pg_temp.user_id('a'), 'x');
insert into public.half_open values (pg_temp.id(3), pg_temp.user_id('a'), 'x', 'word');
insert into closed_rooms.diary values (pg_temp.id(4), pg_temp.user_id('a'));
revoke all on public.drop_box from authenticated;
grant insert on public.drop_box to authenticated;
revoke select on public.half_open from authenticated;
grant select (id, user_id, shown, version, updated_at, deleted_at) on public.half_open to authenticated;

select pg_temp.sign_in('a');
select lives_ok($$select pg_temp.pull(null, '{"tables":["open_book","drop_box"]}')$$, 'a table without SELECT does not fail the pull');
select lives_ok($$select pg_temp.pull(null, '{"tables":["open_book","closed_rooms.diary"]}')$$, 'nor does one in a schema without USAGE');
select lives_ok($$select pg_temp.pull(null, '{"tables":["half_open"]}')$$, 'nor one that may be read in part');
select is(
  pg_temp.changes(pg_temp.pull(null, '{"tables":["open_book","drop_box","closed_rooms.diary"]}')), '+1', 'what may be read comes'
);
select is(
  (pg_temp.download('half_open') -> 0) - 'updated_at',
  jsonb_build_object('id', pg_temp.id(3), 'user_id', auth.uid(), 'shown', 'x', 'version', 1, 'deleted_at', null),
  'of a row only the columns that may be read'
);
select pg_temp.sign_out();
revoke select (version) on public.half_open from authenticated;
select pg_temp.sign_in('a');
select lives_ok($$select pg_temp.pull(null, '{"tables":["half_open","open_book"]}')$$, 'a grant that leaves the stamps out fails no pull either');
select ok(pg_temp.changes(pg_temp.pull(null, '{"tables":["half_open","open_book"]}')) like '%+1', 'and the other table comes');

select * from finish();
rollback;
