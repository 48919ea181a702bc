-- add_scope is idempotent: again with the same words changes nothing, with others it changes the settings.
begin;
\ir ../helpers.psql
select plan(15);

create table public.again_members (club text not null, member uuid not null, other_club text not null default 'x', primary key (club, member));
create table public.again_others (club text not null, member uuid not null, primary key (club, member));
insert into public.again_members values ('chess', pg_temp.user_id('a')), ('go', pg_temp.user_id('a')), ('go', pg_temp.user_id('b'));
create function pg_temp.entries() returns bigint language sql as $$ select count(*) from tidemark.sync_changes where table_no = 0 and row_id like 'againclub:%' $$;

select tidemark.add_scope('againclub', 'public.again_members', 'club', 'member');
select is(pg_temp.scopes('a', 'againclub'), array['againclub:chess', 'againclub:go'], 'memberships from before count at once');
select is(pg_temp.entries(), 3::bigint, 'and are logged, for devices that are already in sync');
select is(
  pg_temp.triggers('public.again_members'),
  array['tidemark_join_againclub', 'tidemark_leave_againclub', 'tidemark_rejoin_againclub', 'tidemark_truncate'], 'the table is watched'
);
select ok(
  exists (select from pg_index i join pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
    where i.indrelid = 'public.again_members'::regclass and a.attname = 'member'),
  'and found by user'
);
create temp table indexes as select count(*) as n from pg_index where indrelid = 'public.again_members'::regclass;

select lives_ok($$ select tidemark.add_scope('againclub', 'public.again_members', 'club', 'member') $$, 'again');
select is(pg_temp.entries(), 3::bigint, 'no member joins a second time');
select is(array_length(pg_temp.triggers('public.again_members'), 1), 4, 'nor is anything watched twice');
select is((select count(*) from pg_index where indrelid = 'public.again_members'::regclass), (select n from indexes), 'nor indexed twice');
insert into public.again_members values ('bridge', pg_temp.user_id('a'));
select is(pg_temp.entries(), 4::bigint, 'a new member is one entry');

-- Another members table, other columns.
insert into public.again_others values ('darts', pg_temp.user_id('a'));
select lives_ok($$ select tidemark.add_scope('againclub', 'public.again_others', 'club', 'member') $$, 'a kind moves to another table');
select is(pg_temp.scopes('a', 'againclub'), array['againclub:darts'], 'which then says who belongs');
select is(pg_temp.triggers('public.again_members'), '{}'::text[], 'the table that did is left alone');
create temp table before as select pg_temp.entries() as n;
insert into public.again_members values ('poker', pg_temp.user_id('a'));
select is(pg_temp.entries(), (select n from before), 'and no longer makes members');
select is(
  (select array_agg(op || ' ' || row_id order by id) from tidemark.sync_changes
    where table_no = 0 and scope = 'user:00000000-0000-4000-8000-00000000000a' and row_id in ('againclub:chess', 'againclub:darts')),
  array['join againclub:chess', 'leave againclub:chess', 'join againclub:darts'],
  'devices are told who left with the old table and who joined with the new one'
);
select throws_ok('truncate public.again_others', 'TM010', null, 'a members table cannot be truncated: devices would not be told');

select * from finish();
rollback;
