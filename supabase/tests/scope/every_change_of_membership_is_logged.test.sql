-- Joining and leaving are entries in the user's own scope, no matter who changed the membership and by what statement.
begin;
\ir ../helpers.psql
select plan(16);

create table public.logged_members (
  id int generated always as identity primary key, team bigint not null, user_id uuid not null, role text not null default 'viewer', unique (team, user_id)
);
select tidemark.add_scope('loggedteam', 'public.logged_members', 'team', 'user_id');

create temp table looked (upto bigint not null);
insert into looked select coalesce(max(id), 0) from tidemark.sync_changes;
-- What was logged since the last look: a:join:1 is user a, join, team 1.
create function pg_temp.logged() returns text
language plpgsql
as $$
declare
  line text;
begin
  select coalesce(string_agg(right(scope, 1) || ':' || op || ':' || substr(row_id, length('loggedteam:') + 1), ' ' order by scope, row_id, op, id), '') into line
  from tidemark.sync_changes where table_no = 0 and id > (select upto from looked) and row_id like 'loggedteam:%' and scope like 'user:00000000-0000-4000-8000-00000000000_';
  update looked set upto = (select max(id) from tidemark.sync_changes);
  return line;
end
$$;

insert into public.logged_members (team, user_id) values (1, pg_temp.user_id('a')), (1, pg_temp.user_id('b')), (2, pg_temp.user_id('a'));
select is(pg_temp.logged(), 'a:join:1 a:join:2 b:join:1', 'several members of one statement');
update public.logged_members set role = 'editor' where team = 1 and user_id = pg_temp.user_id('a');
select is(pg_temp.logged(), 'a:leave:1 a:join:1', 'another role may show other rows: left and joined');
update public.logged_members set role = role;
select is(pg_temp.logged(), '', 'an update that changes nothing is nothing');
update public.logged_members set team = 3 where team = 2;
select is(pg_temp.logged(), 'a:leave:2 a:join:3', 'a membership that moves to another scope');
update public.logged_members set user_id = pg_temp.user_id('c') where team = 1 and user_id = pg_temp.user_id('b');
select is(pg_temp.logged(), 'b:leave:1 c:join:1', 'one that is handed to another user');
insert into public.logged_members (team, user_id, role) values (1, pg_temp.user_id('a'), 'viewer'), (4, pg_temp.user_id('a'), 'viewer')
on conflict (team, user_id) do update set role = excluded.role;
select is(pg_temp.logged(), 'a:leave:1 a:join:1 a:join:4', 'an upsert');
delete from public.logged_members where user_id = pg_temp.user_id('a');
select is(pg_temp.logged(), 'a:leave:1 a:leave:3 a:leave:4', 'members who are deleted');
delete from public.logged_members where team = 99;
update public.logged_members set role = 'x' where team = 99;
select is(pg_temp.logged(), '', 'statements that match no member log nothing');
merge into public.logged_members m using (values (1::bigint, pg_temp.user_id('c')), (7, pg_temp.user_id('c'))) as v (team, user_id)
on m.team = v.team and m.user_id = v.user_id when matched then delete when not matched then insert (team, user_id) values (v.team, v.user_id);
select is(pg_temp.logged(), 'c:leave:1 c:join:7', 'a merge');
with moved as (delete from public.logged_members where team = 7 returning user_id)
insert into public.logged_members (team, user_id) select 8, user_id from moved;
select is(pg_temp.logged(), 'c:leave:7 c:join:8', 'two changes in one statement');

-- Entries name no other user, and no table.
select is(
  (select array_agg(distinct row(table_no, version, columns)::text) from tidemark.sync_changes where row_id like 'loggedteam:%'), array['(0,0,)'], 'an entry is of no table'
);
grant insert, delete, select on public.logged_members to authenticated;
select pg_temp.sign_in('d');
insert into public.logged_members (team, user_id) values (9, pg_temp.user_id('a'));
select pg_temp.sign_out();
select is(
  (select row(scope, user_id)::text from tidemark.sync_changes where row_id = 'loggedteam:9'),
  row('user:' || pg_temp.user_id('a'), pg_temp.user_id('d'))::text, 'who did it is on record, also when it is a member inviting another'
);
select is(pg_temp.logged(), 'a:join:9', 'through the API as by SQL');

-- A second kind over the same table.
select tidemark.add_scope('loggedrole', 'public.logged_members', 'role', 'user_id');
select pg_temp.logged();
insert into public.logged_members (team, user_id, role) values (10, pg_temp.user_id('b'), 'boss');
select is(pg_temp.logged(), 'b:join:10', 'a table may say who belongs to two kinds');
select is(
  (select count(*) from tidemark.sync_changes where row_id = 'loggedrole:boss' and scope = 'user:' || pg_temp.user_id('b') and op = 'join'), 1::bigint, 'a join is logged for each kind'
);
select throws_ok('truncate public.logged_members', 'TM010', null, 'a members table cannot be truncated');

select * from finish();
rollback;
