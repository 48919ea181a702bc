-- A members table that is dropped has no members; everything else goes on.
begin;
\ir ../helpers.psql
select plan(3);

create table public.dropping_members (club text not null, user_id uuid not null, primary key (club, user_id));
create table public.dropping_items (id int primary key, club text not null);
select pg_temp.allow_all('public.dropping_items');
select tidemark.add_scope('droppingclub', 'public.dropping_members', 'club', 'user_id');
select tidemark.add_table('public.dropping_items', 'droppingclub:club');
insert into public.dropping_members values ('chess', pg_temp.user_id('a'));
insert into public.dropping_items values (1, 'chess'), (2, 'go');

create function pg_temp.pulled() returns bigint
language plpgsql
as $$
declare
  n bigint;
begin
  perform set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true), set_config('role', 'authenticated', true);
  select count(*) into n
  from json_array_elements(public.sync_pull('00000000-0000-4000-8000-0000000000d1', null, '{"tables": ["dropping_items"]}') -> 'changes') c, json_array_elements(c -> 'upsert') u;
  perform set_config('role', 'postgres', true);
  return n;
end
$$;
select is(pg_temp.pulled(), 1::bigint, 'a member gets the scope');

drop table public.dropping_members;
select lives_ok($$ select pg_temp.pulled() $$, 'the table is dropped: pulls go on');
select is(pg_temp.pulled(), 0::bigint, 'and nobody is a member of anything');

select * from finish();
rollback;
