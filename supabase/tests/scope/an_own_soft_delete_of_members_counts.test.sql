-- A members table that is not synced and marks members as deleted in its own way: deleted_at says who belongs there, too.
begin;
\ir ../helpers.psql
select plan(5);

create table public.soft_members (team int not null, user_id uuid not null, deleted_at timestamptz, primary key (team, user_id));
select tidemark.add_scope('softteam', 'public.soft_members', 'team', 'user_id');
create function pg_temp.logged() returns text[] language sql as $$
  select array_agg(op || ' ' || row_id order by id) from tidemark.sync_changes where table_no = 0 and row_id like 'softteam:%'
$$;

insert into public.soft_members values (1, pg_temp.user_id('a'), null), (2, pg_temp.user_id('a'), now());
select is(pg_temp.scopes('a', 'softteam'), array['softteam:1'], 'who is marked as deleted does not belong');
select is(pg_temp.logged(), array['join softteam:1'], 'what is logged says the same');
update public.soft_members set deleted_at = now() where team = 1;
update public.soft_members set deleted_at = null where team = 2;
select is(pg_temp.scopes('a', 'softteam'), array['softteam:2'], 'marking and unmarking takes effect at once');
select is(pg_temp.logged(), array['join softteam:1', 'leave softteam:1', 'join softteam:2'], 'and is logged');
delete from public.soft_members where team = 2;
select is(pg_temp.scopes('a', 'softteam'), '{}'::text[], 'a plain delete ends it');

select * from finish();
rollback;
