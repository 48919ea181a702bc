-- Shared scopes: `trip:<id>` belongs to whoever the members table says. A change of membership is an
-- entry in the user's own scope (table_no 0), so the cursor that delivers rows exactly delivers
-- joining and leaving exactly too. One line a kind, in a migration:
--   select tidemark.add_scope('trip', 'public.trip_members', 'trip_id', 'user_id');

create table tidemark.sync_scopes (
  kind text primary key,
  schema_name text not null,
  table_name text not null,
  key_column text not null,
  user_column text not null,
  constraint a_kind_is_one_plain_word check (kind ~ '^[a-z][a-z0-9_]*$' and kind not in ('user', 'public', 'function'))
);
comment on table tidemark.sync_scopes is 'Declared kinds of shared scopes and the table that says who belongs to them.';
alter table tidemark.sync_scopes enable row level security;

-- The members table of a kind as the catalogue sees it now. A membership that is a tombstone is none.
create view tidemark.live_scopes with (security_invoker = true) as
select
  s.kind, s.key_column, s.user_column, c.oid as relation,
  exists (
    select from pg_catalog.pg_attribute a
    where a.attrelid = c.oid and a.attname = 'deleted_at' and not a.attisdropped) as soft
from tidemark.sync_scopes s
join pg_catalog.pg_namespace n on n.nspname = s.schema_name
join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = s.table_name;
comment on view tidemark.live_scopes is 'Declared kinds whose members table exists.';

-- The keys of one kind that the caller belongs to: a scope is <kind>:<key>.
create function tidemark.my_keys(kind text)
returns text[]
language plpgsql
stable
security definer -- a members table's own policies must not decide who belongs to a scope
set search_path = ''
set plan_cache_mode = force_generic_plan
as $$
declare
  members tidemark.live_scopes;
  keys text[];
begin
  if my_keys.kind = 'user' then
    return array[auth.uid()::text];
  end if;
  select s.* into members from tidemark.live_scopes s where s.kind = my_keys.kind;
  if not found then
    return '{}';
  end if;
  execute format(
    'select array_agg(distinct m.%1$I::text) from %2$s m where m.%3$I = $1%4$s',
    members.key_column, members.relation::regclass, members.user_column,
    case when members.soft then ' and m.deleted_at is null' else '' end
  ) into keys using auth.uid();
  return coalesce(keys, '{}');
end
$$;

-- Every scope the caller belongs to.
create function tidemark.my_scopes()
returns text[]
language plpgsql
stable
security definer -- reads the declared kinds
set search_path = ''
as $$
begin
  return (
    select array['public', 'user:' || auth.uid()] || array(
      select s.kind || ':' || k.key
      from tidemark.sync_scopes s
      cross join lateral unnest(tidemark.my_keys(s.kind)) as k (key)
    )
  );
end
$$;

-- Logs who joined and who left. What a member may read can depend on any column of the membership
-- (a role), so a changed one counts as left and joined again: the device drops the scope's rows and
-- gets those it may read now. Stamps alone are no change.
create function tidemark.log_members()
returns trigger
language plpgsql
security definer -- writes the log
set search_path = ''
as $$
begin
  if tg_op = 'INSERT' then
    insert into tidemark.sync_changes (scope, table_no, row_id, op, version, user_id)
    select 'user:' || (m.fields operator(extensions.->) tg_argv[2]), 0,
      tg_argv[0] || ':' || (m.fields operator(extensions.->) tg_argv[1]), 'join', 0, auth.uid()
    from (select extensions.hstore(tidemark_row) as fields from tidemark_new tidemark_row) m
    where m.fields operator(extensions.->) 'deleted_at' is null;
  elsif tg_op = 'DELETE' then
    insert into tidemark.sync_changes (scope, table_no, row_id, op, version, user_id)
    select 'user:' || (m.fields operator(extensions.->) tg_argv[2]), 0,
      tg_argv[0] || ':' || (m.fields operator(extensions.->) tg_argv[1]), 'leave', 0, auth.uid()
    from (select extensions.hstore(tidemark_row) as fields from tidemark_old tidemark_row) m
    where m.fields operator(extensions.->) 'deleted_at' is null;
  else
    with
    before as (
      select extensions.delete(extensions.hstore(tidemark_row), '{version,updated_at}'::text[])::text as fields
      from tidemark_old tidemark_row
    ),
    after as (
      select extensions.delete(extensions.hstore(tidemark_row), '{version,updated_at}'::text[])::text as fields
      from tidemark_new tidemark_row
    ),
    moves as (
      select m.fields::extensions.hstore as fields, 'leave'::tidemark.change_op as op
      from (select fields from before except all select fields from after) m
      union all
      select m.fields::extensions.hstore, 'join'
      from (select fields from after except all select fields from before) m
    )
    insert into tidemark.sync_changes (scope, table_no, row_id, op, version, user_id)
    select 'user:' || (m.fields operator(extensions.->) tg_argv[2]), 0,
      tg_argv[0] || ':' || (m.fields operator(extensions.->) tg_argv[1]), m.op, 0, auth.uid()
    from moves m
    where m.fields operator(extensions.->) 'deleted_at' is null;
  end if;
  return null;
end
$$;

create function tidemark.add_scope(kind text, members regclass, key_column name, user_column name)
returns void
language plpgsql
security invoker
set search_path = ''
as $$
declare
  relation pg_catalog.pg_class;
  schema_of text;
  named record;
  arguments text := format('%L, %L, %L', kind, key_column, user_column);
  declared boolean := false;
begin
  select c.* into relation from pg_catalog.pg_class c where c.oid = members;
  select n.nspname into schema_of from pg_catalog.pg_namespace n where n.oid = relation.relnamespace;
  if relation.relkind <> 'r' or relation.relispartition then
    perform tidemark.refuse_table('TM006', 'not_a_plain_table', format('"%s" is no plain table', members),
      'Name the table that has one row a member.');
  elsif kind is null or kind !~ '^[a-z][a-z0-9_]*$' or kind in ('user', 'public', 'function') then
    perform tidemark.refuse_table('TM012', 'bad_scope_kind', format('"%s" cannot name a kind of scope', kind),
      'Use one lower-case word that is not user, public or function.');
  end if;
  for named in
    select w.name, a.attnotnull, format_type(a.atttypid, null) as type, w.name = user_column as is_user
    from unnest(array[key_column, user_column]) as w (name)
    left join pg_catalog.pg_attribute a on a.attrelid = members and a.attname = w.name and a.attnum > 0 and not a.attisdropped
  loop
    if named.type is null then
      perform tidemark.refuse_table('TM004', 'scope_column_missing',
        format('table "%s" has no column "%s"', members, named.name), 'Name the columns for the scope''s key and the member''s user id.');
    elsif not named.attnotnull then
      perform tidemark.refuse_table('TM005', 'scope_column_nullable',
        format('column "%s" of table "%s" may be null', named.name, members),
        format('alter table %s alter column %I set not null;', members, named.name));
    elsif named.is_user and named.type <> 'uuid' then
      perform tidemark.refuse_table('TM004', 'scope_column_missing',
        format('column "%s" of table "%s" is %s, and a user is a uuid', named.name, members, named.type),
        'Name the uuid column that holds the member''s auth.users id.');
    end if;
  end loop;

  if exists (
    select from tidemark.live_scopes s
    where s.kind = add_scope.kind and s.relation = members and s.key_column = add_scope.key_column and s.user_column = add_scope.user_column)
  then
    declared := true;
  end if;
  insert into tidemark.sync_scopes as s (kind, schema_name, table_name, key_column, user_column)
  values (add_scope.kind, schema_of, relation.relname, add_scope.key_column, add_scope.user_column)
  on conflict on constraint sync_scopes_pkey do update
  set schema_name = excluded.schema_name, table_name = excluded.table_name,
      key_column = excluded.key_column, user_column = excluded.user_column;

  -- Every pull asks which scopes its user is in.
  if not exists (
    select from pg_catalog.pg_index i
    join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = i.indkey[0]
    where i.indrelid = members and a.attname = user_column and i.indpred is null
  ) then
    execute format('create index on %s (%I, %I)', members, user_column, key_column);
  end if;

  execute format(
    'create or replace trigger %I after insert on %s referencing new table as tidemark_new
     for each statement execute function tidemark.log_members(%s)', 'tidemark_join_' || kind, members, arguments);
  execute format(
    'create or replace trigger %I after update on %s referencing old table as tidemark_old new table as tidemark_new
     for each statement execute function tidemark.log_members(%s)', 'tidemark_rejoin_' || kind, members, arguments);
  execute format(
    'create or replace trigger %I after delete on %s referencing old table as tidemark_old
     for each statement execute function tidemark.log_members(%s)', 'tidemark_leave_' || kind, members, arguments);
  execute format(
    'create or replace trigger tidemark_truncate before truncate on %s for each statement
     execute function tidemark.refuse_truncate()', members);

  -- Devices that are already in sync hear of the memberships there are.
  if declared then
    return;
  end if;
  execute format(
    'insert into tidemark.sync_changes (scope, table_no, row_id, op, version)
     select distinct ''user:'' || m.%1$I, 0, %2$L || m.%3$I, ''join''::tidemark.change_op, 0 from %4$s m',
    user_column, kind || ':', key_column, members);
end
$$;
comment on function tidemark.add_scope(text, regclass, name, name) is
  'Declares a shared scope: who belongs to <kind>:<key> is what the members table says.';
