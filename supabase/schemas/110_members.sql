-- Joining and leaving a shared scope. A change of membership is an entry in the user's own scope (table_no 0), so the
-- cursor that delivers rows exactly delivers joining and leaving exactly too. The owner of the app declares a kind in a
-- migration, one line each:
--   select tidemark.add_scope('trip', 'public.trip_members', 'trip_id', 'user_id');

-- Logs who joined and who left. What a member may read can depend on any column of the membership
-- (a role), so a changed one counts as left and joined again: the device drops the scope's rows and
-- gets those it may read now. Stamps alone are no change.
create function tidemark.log_members()
returns trigger
language plpgsql
security definer -- writes the log
set search_path = pg_catalog, pg_temp
as $$
declare
  members tidemark.declared_members;
begin
  select m.* into members from tidemark.declared_members m where m.kind = tg_argv[0] and m.relation = tg_relid;
  if tg_op = 'INSERT' then
    insert into tidemark.sync_changes (scope, table_no, row_id, op, version, user_id)
    select 'user:' || (m.fields operator(extensions.->) members.user_column::text), 0,
      members.kind || ':' || (m.fields operator(extensions.->) members.key_column::text), 'join', 0, auth.uid()
    from (select extensions.hstore(tidemark_row) as fields from tidemark_new tidemark_row) m
    where m.fields operator(extensions.->) 'deleted_at' is null;
  elsif tg_op = 'DELETE' then
    insert into tidemark.sync_changes (scope, table_no, row_id, op, version, user_id)
    select 'user:' || (m.fields operator(extensions.->) members.user_column::text), 0,
      members.kind || ':' || (m.fields operator(extensions.->) members.key_column::text), 'leave', 0, auth.uid()
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
    select 'user:' || (m.fields operator(extensions.->) members.user_column::text), 0,
      members.kind || ':' || (m.fields operator(extensions.->) members.key_column::text), m.op, 0, auth.uid()
    from moves m
    where m.fields operator(extensions.->) 'deleted_at' is null;
  end if;
  return null;
end
$$;

-- Tells all members of a kind that they joined or left, as far as its members table knows them.
create function tidemark.log_all_members(members tidemark.declared_members, op tidemark.change_op)
returns void
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  execute format(
    'insert into tidemark.sync_changes (scope, table_no, row_id, op, version)
     select distinct ''user:'' || m.%1$I, 0, %2$L || m.%3$I, $1, 0 from %4$s m%5$s',
    members.user_column, members.kind || ':', members.key_column, members.relation::regclass,
    case when members.soft then ' where m.deleted_at is null' else '' end
  ) using op;
end
$$;

-- A kind gets another members table or other columns: who belonged to it by the old ones leaves.
create function tidemark.forget_members(members tidemark.declared_members)
returns void
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  trigger_name text;
begin
  perform tidemark.log_all_members(members, 'leave');
  -- One statement a trigger: DDL has no set-based form. The table may sync, or serve another kind.
  for trigger_name in
    select g.tgname from pg_catalog.pg_trigger g
    where g.tgrelid = members.relation and (
      g.tgname in (
        'tidemark_join_' || members.kind, 'tidemark_rejoin_' || members.kind, 'tidemark_leave_' || members.kind)
      or g.tgname = 'tidemark_truncate'
        and not exists (
          select from tidemark.watched_members w where w.relation = members.relation and w.kind <> members.kind)
        and not exists (select from tidemark.numbered_relations r where r.relation = members.relation))
  loop
    execute format('drop trigger %I on %s', trigger_name, members.relation::regclass);
  end loop;
  if members.index_name = 'tidemark_members_' || members.kind then
    execute format('drop index if exists %I.%I', (
      select n.nspname
      from pg_catalog.pg_class c
      join pg_catalog.pg_namespace n on n.oid = c.relnamespace
      where c.oid = members.relation
    ), members.index_name);
  end if;
end
$$;

create function tidemark.add_scope(kind text, members regclass, key_column name, user_column name)
returns void
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  relation pg_catalog.pg_class;
  schema_of text;
  named record;
  before tidemark.declared_members;
  found_index text;
  moves boolean;
begin
  select c.* into relation from pg_catalog.pg_class c where c.oid = members;
  select n.nspname into schema_of from pg_catalog.pg_namespace n where n.oid = relation.relnamespace;
  if relation.relkind <> 'r' or relation.relispartition then
    perform tidemark.raise_setup_error('TM006', 'not_a_plain_table', format('"%s" is no plain table', members),
      'Name the table that has one row a member.');
  elsif kind is null or kind !~ '^[a-z][a-z0-9_]*$' or kind in ('user', 'public', 'function') then
    perform tidemark.raise_setup_error('TM012', 'bad_scope_kind', format('"%s" cannot name a kind of scope', kind),
      'Use one lower-case word that is not user, public or function.');
  end if;
  for named in
    select w.name, a.attnotnull, format_type(a.atttypid, null) as type, w.name = user_column as is_user,
      (select format_type(tidemark.base_type(a.atttypid), null)) as base
    from unnest(array[key_column, user_column]) as w (name)
    left join pg_catalog.pg_attribute a
      on a.attrelid = members and a.attname = w.name and a.attnum > 0 and not a.attisdropped
  loop
    if named.type is null then
      perform tidemark.raise_setup_error('TM004', 'scope_column_missing',
        format('table "%s" has no column "%s"', members, named.name),
        'Name the columns for the scope''s key and the member''s user id.');
    elsif not named.attnotnull then
      perform tidemark.raise_setup_error('TM005', 'scope_column_nullable',
        format('column "%s" of table "%s" may be null', named.name, members),
        format('alter table %s alter column %I set not null;', members, named.name));
    elsif named.is_user and named.type <> 'uuid' then
      perform tidemark.raise_setup_error('TM004', 'scope_column_missing',
        format('column "%s" of table "%s" is %s, and a user is a uuid', named.name, members, named.type),
        'Name the uuid column that holds the member''s auth.users id.');
    elsif not named.is_user
      and named.base not in ('uuid', 'text', 'character varying', 'bigint', 'integer', 'smallint')
    then
      perform tidemark.raise_setup_error('TM004', 'scope_column_missing',
        format('column "%s" of table "%s" is %s, which has no one spelling as text', named.name, members, named.type),
        'Use a key of type uuid, text, varchar, bigint, integer or smallint.');
    end if;
  end loop;

  -- The table that is watched knows who belonged. It may have another name by now, and then its members
  -- belonged to nothing meanwhile: they leave and join.
  select m.* into before
  from tidemark.watched_members w
  join tidemark.declared_members m using (relation, kind)
  where w.kind = add_scope.kind;
  moves := (before.relation = members and before.has_the_name and before.key_column = add_scope.key_column
    and before.user_column = add_scope.user_column) is not true;
  -- Where the one that had the name was not watched, being gone or made anew, some may have left of whom the
  -- log says nothing. Devices start afresh, as after a purge of entries that they had not seen.
  update tidemark.settings
  set purged_to = pg_current_xact_id(), purged_in = tidemark.epoch()
  where exists (select from tidemark.sync_scopes s where s.kind = add_scope.kind)
    and (before.relation is null
      or exists (select from tidemark.live_scopes s where s.kind = add_scope.kind and s.relation <> before.relation));
  if moves and before.relation is not null then
    perform tidemark.forget_members(before);
  end if;

  -- Every pull asks which scopes its user is in.
  select ic.relname into found_index
  from pg_catalog.pg_index i
  join pg_catalog.pg_class ic on ic.oid = i.indexrelid
  join pg_catalog.pg_attribute u on u.attrelid = i.indrelid and u.attnum = i.indkey[0]
  join pg_catalog.pg_attribute k on k.attrelid = i.indrelid and k.attnum = i.indkey[1]
  where i.indrelid = members and u.attname = user_column and k.attname = key_column and i.indpred is null
  order by ic.relname
  limit 1;
  if not found then
    found_index := 'tidemark_members_' || kind;
    execute format('create index %I on %s (%I, %I)', found_index, members, user_column, key_column);
  end if;
  insert into tidemark.sync_scopes as s (kind, schema_name, table_name, key_column, user_column, index_name)
  values (add_scope.kind, schema_of, relation.relname, add_scope.key_column, add_scope.user_column, found_index)
  on conflict on constraint sync_scopes_pkey do update
  set schema_name = excluded.schema_name, table_name = excluded.table_name,
      key_column = excluded.key_column, user_column = excluded.user_column, index_name = excluded.index_name;

  execute format(
    'create or replace trigger %I after insert on %s referencing new table as tidemark_new
     for each statement execute function tidemark.log_members(%L)', 'tidemark_join_' || kind, members, kind);
  execute format(
    'create or replace trigger %I after update on %s referencing old table as tidemark_old new table as tidemark_new
     for each statement execute function tidemark.log_members(%L)', 'tidemark_rejoin_' || kind, members, kind);
  execute format(
    'create or replace trigger %I after delete on %s referencing old table as tidemark_old
     for each statement execute function tidemark.log_members(%L)', 'tidemark_leave_' || kind, members, kind);
  execute format(
    'create or replace trigger tidemark_truncate before truncate on %s for each statement
     execute function tidemark.refuse_truncate()', members);

  -- Devices that are already in sync hear of the memberships there are.
  if moves then
    select s.* into before from tidemark.live_scopes s where s.kind = add_scope.kind;
    perform tidemark.log_all_members(before, 'join');
  end if;
end
$$;
comment on function tidemark.add_scope(text, regclass, name, name) is
  'Declares a shared scope: who belongs to <kind>:<key> is what the members table says.';
