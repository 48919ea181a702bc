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

select is(jsonb_array_length(pg_temp.download('dropping_items')), 1, 'a member gets the scope');

drop table public.dropping_members;
select lives_ok($$ select pg_temp.download('dropping_items') $$, 'the table is dropped: pulls go on');
select is(jsonb_array_length(pg_temp.download('dropping_items')), 0, 'and no user is a member of a scope of that kind');

select * from finish();
rollback;
