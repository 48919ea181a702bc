-- The members table may change as any other: its columns renamed, the table dropped.
begin;
\ir ../helpers.psql
select plan(9);

create table public.changing_members (club text not null, user_id uuid not null, primary key (club, user_id));
create table public.changing_items (id int primary key, club text not null);
select pg_temp.allow_all('public.changing_items');
select tidemark.add_scope('changingclub', 'public.changing_members', 'club', 'user_id');
select tidemark.add_table('public.changing_items', 'changingclub:club');
insert into public.changing_members values ('chess', pg_temp.user_id('a'));
insert into public.changing_items values (1, 'chess'), (2, 'go');

select is(jsonb_array_length(pg_temp.download('changing_items')), 1, 'a member gets the scope');

alter table public.changing_members rename column club to club_name;
alter table public.changing_members rename column user_id to member_id;
select lives_ok($$ select pg_temp.download('changing_items') $$, 'columns are renamed: pulls go on');
select is(jsonb_array_length(pg_temp.download('changing_items')), 1, 'and find the same');
select lives_ok($$ insert into public.changing_members values ('go', pg_temp.user_id('a')) $$, 'members can be added');
select is(jsonb_array_length(pg_temp.download('changing_items')), 2, 'and are members');
select is(
  (select array_agg(op || ' ' || row_id || ' ' || scope order by id) from tidemark.sync_changes where row_id = 'changingclub:go'),
  array['join changingclub:go user:00000000-0000-4000-8000-00000000000a'], 'and their devices are told'
);
select lives_ok($$ delete from public.changing_members where club_name = 'go' $$, 'and can be removed');

drop table public.changing_members;
select lives_ok($$ select pg_temp.download('changing_items') $$, 'the table is dropped: pulls go on');
select is(jsonb_array_length(pg_temp.download('changing_items')), 0, 'and no user is a member of a scope of that kind');

select * from finish();
rollback;
