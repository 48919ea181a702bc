-- A members table of text keys over rows of uuids: a key that is no uuid belongs to no row, and fails no pull.
begin;
\ir ../helpers.psql
select plan(3);

create table public.odd_members (key text not null, user_id uuid not null, primary key (user_id, key));
create table public.odd_rows (id int primary key, key uuid not null);
select pg_temp.allow_all('public.odd_rows');
select tidemark.add_scope('oddkind', 'public.odd_members', 'key', 'user_id');
-- Either the pairing is refused, or it works.
create function pg_temp.paired() returns boolean
language plpgsql
as $$
begin
  perform tidemark.add_table('public.odd_rows', 'oddkind:key');
  return true;
exception when sqlstate 'TM004' then
  return false;
end
$$;
create temp table pairing as select pg_temp.paired() as works;
insert into public.odd_rows values (1, '00000000-0000-4000-8000-000000000001');
insert into public.odd_members values ('not a uuid', pg_temp.user_id('a')), ('00000000-0000-4000-8000-000000000001', pg_temp.user_id('a'));

select pg_temp.sign_in('a');
select lives_ok($$ select pg_temp.pull() $$, 'a pull of every table');
select lives_ok($$ select public.sync_verify() $$, 'and a verification');
select lives_ok($$ select public.sync_status() $$, 'and a status');
select pg_temp.sign_out();

select * from finish();
rollback;
