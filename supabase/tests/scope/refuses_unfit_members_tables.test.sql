-- add_scope refuses, with a code and what to do, what cannot say who belongs to a scope.
begin;
\ir ../helpers.psql
select plan(24);

create table public.scope_members (trip_id uuid not null, user_id uuid not null, nick text, loose_id uuid, loose_user uuid, primary key (trip_id, user_id));
create table public.scope_partitioned (trip_id uuid not null, user_id uuid not null) partition by list (trip_id);
create table public.scope_partition partition of public.scope_partitioned default;
create view public.scope_view as select trip_id, user_id from public.scope_members;
create materialized view public.scope_matview as select trip_id, user_id from public.scope_members;

select throws_ok(
  format('select tidemark.add_scope(%L, %L, %L, %L)', kind, members, key_column, user_column), code, null, description
)
from (values
  ('trip', 'public.scope_view', 'trip_id', 'user_id', 'TM006', 'a view has no members'),
  ('trip', 'public.scope_matview', 'trip_id', 'user_id', 'TM006', 'nor has a materialized view'),
  ('trip', 'public.scope_partitioned', 'trip_id', 'user_id', 'TM006', 'nor a partitioned table'),
  ('trip', 'public.scope_partition', 'trip_id', 'user_id', 'TM006', 'nor a partition'),
  ('user', 'public.scope_members', 'trip_id', 'user_id', 'TM012', 'user is a kind of its own'),
  ('public', 'public.scope_members', 'trip_id', 'user_id', 'TM012', 'so is public'),
  ('function', 'public.scope_members', 'trip_id', 'user_id', 'TM012', 'function is a word of the policies'),
  ('Trip', 'public.scope_members', 'trip_id', 'user_id', 'TM012', 'a kind is lower case'),
  ('my trip', 'public.scope_members', 'trip_id', 'user_id', 'TM012', 'one word'),
  ('trip:', 'public.scope_members', 'trip_id', 'user_id', 'TM012', 'without a colon'),
  ('1trip', 'public.scope_members', 'trip_id', 'user_id', 'TM012', 'that begins with a letter'),
  ('', 'public.scope_members', 'trip_id', 'user_id', 'TM012', 'and is not empty'),
  (null, 'public.scope_members', 'trip_id', 'user_id', 'TM012', 'nor missing'),
  (E'trip\n', 'public.scope_members', 'trip_id', 'user_id', 'TM012', 'nor hides a line break'),
  ('trip', 'public.scope_members', 'nowhere', 'user_id', 'TM004', 'the key column exists'),
  ('trip', 'public.scope_members', 'trip_id', 'nobody', 'TM004', 'the user column exists'),
  ('trip', 'public.scope_members', 'trip_id', 'nick', 'TM005', 'the user column is never null'),
  ('trip', 'public.scope_members', 'trip_id', 'loose_user', 'TM005', 'even where it is a uuid'),
  ('trip', 'public.scope_members', 'loose_id', 'user_id', 'TM005', 'nor is the key column'),
  ('trip', 'public.scope_members', 'xmin', 'user_id', 'TM004', 'a system column is no column')
) as c (kind, members, key_column, user_column, code, description);
alter table public.scope_members alter column nick set not null;
select throws_ok(
  $$ select tidemark.add_scope('trip', 'public.scope_members', 'trip_id', 'nick') $$, 'TM004', null, 'a user is a uuid'
);
select is((select count(*) from tidemark.sync_scopes where schema_name = 'public' and table_name like 'scope\_%'), 0::bigint, 'what is refused is not declared');
select is((select count(*) from pg_trigger where tgrelid = 'public.scope_members'::regclass), 0::bigint, 'and leaves nothing behind');
select set_config('role', 'authenticated', true);
select throws_ok(
  $$ select tidemark.add_scope('trip', 'public.scope_members', 'trip_id', 'user_id') $$, '42501', null, 'a user declares no scopes'
);
reset role;

select * from finish();
rollback;
