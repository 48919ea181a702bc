-- What the owner of the app calls in a migration, one line a table:
--   select tidemark.add_table('public.contacts', 'user:user_id');
-- Idempotent: calling again changes the settings and repairs what is missing. With another scope, the rows are
-- downloaded anew by the users of that scope.

-- The first download of a scope walks (scope, key); so does every read of one scope's rows.
create function tidemark.index_scope(target oid, schema_of text, index_name text, scope_column text, key_column text)
returns void
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  indexed text[];
  wanted text[] := case when scope_column is not null then array[scope_column, key_column] end;
begin
  select array_agg(a.attname::text order by k.n) into indexed
  from pg_catalog.pg_index i
  cross join lateral unnest(i.indkey::int2[]) with ordinality as k (attnum, n)
  join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
  where i.indexrelid = to_regclass(format('%I.%I', schema_of, index_name));
  if indexed is distinct from wanted then
    if indexed is not null then
      execute format('drop index %I.%I', schema_of, index_name);
    end if;
    if wanted is not null then
      execute format('create index %I on %s (%I, %I)', index_name, target::regclass, scope_column, key_column);
    end if;
  end if;
end
$$;

-- Takes tables out of the registry, and off again what add_table put on: from a relation, and from those that
-- carry the numbers under whatever name. Conflicts go with their table, as no user could decide them.
create function tidemark.forget_tables(numbers int[], target oid, spared_conflicts uuid[] default '{}')
returns void
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  found_trigger record;
  found_index regclass;
begin
  -- One statement a trigger and an index: DDL has no set-based form. A members table stays one.
  for found_trigger in
    select g.tgname as name, g.tgrelid::regclass as relation
    from pg_catalog.pg_trigger g
    join pg_catalog.pg_proc f on f.oid = g.tgfoid
    where f.pronamespace = 'tidemark'::regnamespace and f.proname <> 'log_members'
      and (g.tgrelid = target or g.tgrelid in (
        select r.relation from tidemark.numbered_relations r where r.number = any (numbers::text[])))
      and (
        f.proname <> 'refuse_truncate'
        or not exists (select from tidemark.watched_members w where w.relation = g.tgrelid))
  loop
    execute format('drop trigger %I on %s', found_trigger.name, found_trigger.relation);
  end loop;
  for found_index in
    select c.oid from pg_catalog.pg_class c
    where c.relkind = 'i' and c.relname = any (select 'tidemark_scope_' || n from unnest(numbers) n)
  loop
    execute format('drop index %s', found_index);
  end loop;
  delete from tidemark.sync_changes c where c.table_no = any (numbers);
  delete from tidemark.sync_conflicts k where k.table_no = any (numbers) and k.conflict_id <> all (spared_conflicts);
  delete from tidemark.sync_tables t where t.table_no = any (numbers);
end
$$;

create function tidemark.add_table(
  target regclass,
  scope text,
  conflict text default 'last_write_wins',
  columns jsonb default '{}'
)
returns void
language plpgsql
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
declare
  relation pg_catalog.pg_class;
  schema_of text;
  kind text := split_part(scope, ':', 1);
  scope_column text := nullif(substr(scope, length(split_part(scope, ':', 1)) + 2), '');
  key record;
  known record;
  waiting uuid[] := '{}';
  no int;
  arguments text;
begin
  select c.* into relation from pg_catalog.pg_class c where c.oid = target;
  select n.nspname into schema_of from pg_catalog.pg_namespace n where n.oid = relation.relnamespace;
  if relation.relkind <> 'r' or relation.relispartition
    or exists (select from pg_catalog.pg_inherits h where target in (h.inhrelid, h.inhparent))
  then
    perform tidemark.raise_setup_error('TM006', 'not_a_plain_table',
      format('"%s" is %s', target, case
        when relation.relispartition then 'a partition'
        when relation.relkind = 'r' then 'part of an inheritance tree'
        when relation.relkind = 'p' then 'a partitioned table'
        when relation.relkind in ('v', 'm') then 'a view'
        else 'no table'
      end),
      'Add the plain table that holds the rows.');
  end if;
  if exists (
    select from pg_catalog.pg_attribute a
    where a.attrelid = target and a.attname like 'tidemark\_%' and not a.attisdropped)
  then
    perform tidemark.raise_setup_error('TM015', 'reserved_name',
      format('a column of "%s" has a name that starts with tidemark_', target), 'Rename the column.');
  elsif exists (
    select from tidemark.sync_tables t
    where t.name = case when schema_of = 'public' then relation.relname else schema_of || '.' || relation.relname end
      and (t.schema_name, t.table_name) <> (schema_of, relation.relname::text))
  then
    perform tidemark.raise_setup_error('TM015', 'reserved_name',
      format('another synced table already goes by the name of "%s" for clients', target), 'Rename one of them.');
  end if;
  key := tidemark.key_of(target);
  -- Another relation, name, key or scope makes it another table: what devices and the log know of it is by the
  -- old one. The number that it gets then tells devices to start afresh. What waits for a person waits on,
  -- where the rows are the same.
  select
      t.table_no, t.schema_name, t.table_name, t.key_type, t.scope_kind,
      coalesce(l.scope_column, t.scope_column) as scope_column
    into known
  from tidemark.numbered_relations r
  join tidemark.sync_tables t on t.table_no::text = r.number
  left join tidemark.live_tables l using (table_no) -- where a renamed column has its name of now
  where r.relation = target;
  if (known.schema_name, known.table_name, known.key_type, known.scope_kind, known.scope_column)
    is distinct from (schema_of, relation.relname::text, key.key_type, kind, scope_column)
  then
    if known.key_type = key.key_type then
      waiting := array(select k.conflict_id from tidemark.waiting_conflicts(known.table_no) k);
    end if;
    perform tidemark.forget_tables(tidemark.numbers_at(target), target, waiting);
  end if;
  if not relation.relrowsecurity then
    perform tidemark.raise_setup_error('TM003', 'rls_disabled',
      format('row level security is off for "%s", so every user would get every row', target),
      format('alter table %s enable row level security; and write its policies.', target));
  end if;
  if scope is null
    or not (scope = 'public' or scope_column is not null and (
      kind = 'user' or exists (select from tidemark.sync_scopes s where s.kind = split_part(add_table.scope, ':', 1))))
  then
    perform tidemark.raise_setup_error('TM011', 'unknown_scope',
      format('"%s" is no scope', scope),
      'Use ''user:<column>'', ''public'', or ''<kind>:<column>'' with a kind that tidemark.add_scope declared.');
  end if;
  perform tidemark.check_columns(target, kind, scope_column);
  perform tidemark.check_policy(target, conflict, columns);
  perform tidemark.warn_of_unique(target);
  perform tidemark.warn_of_triggers(target);

  -- Constant defaults: no rewrite, whatever the size of the table.
  execute format(
    'alter table %s
       add column if not exists version bigint not null default 1,
       add column if not exists updated_at timestamptz not null default now(),
       add column if not exists deleted_at timestamptz', target);
  execute format(
    'update %s set version = coalesce(version, 1), updated_at = coalesce(updated_at, now())
     where version is null or updated_at is null', target);
  execute format(
    'alter table %s
       alter column version set default 1, alter column version set not null,
       alter column updated_at set default now(), alter column updated_at set not null,
       alter column deleted_at drop not null', target);

  insert into tidemark.sync_tables as t (
    name, schema_name, table_name, key_column, key_type, scope_kind, scope_column,
    conflict, columns, column_numbers, numbers_of
  )
  values (
    case when schema_of = 'public' then relation.relname else schema_of || '.' || relation.relname end,
    schema_of, relation.relname, key.key_column, key.key_type, kind, scope_column,
    add_table.conflict, add_table.columns,
    (
      select coalesce(jsonb_object_agg(a.attname, a.attnum), '{}')
      from pg_catalog.pg_attribute a
      where a.attrelid = target and a.attnum > 0 and not a.attisdropped
    ),
    target
  )
  on conflict on constraint a_table_is_registered_once do update
  set key_column = excluded.key_column, key_type = excluded.key_type,
      scope_kind = excluded.scope_kind, scope_column = excluded.scope_column,
      conflict = excluded.conflict, columns = excluded.columns,
      column_numbers = excluded.column_numbers, numbers_of = excluded.numbers_of
  returning table_no into no;
  update tidemark.sync_conflicts k set table_no = no where k.conflict_id = any (waiting);

  perform tidemark.index_scope(target, schema_of, 'tidemark_scope_' || no, scope_column, key.key_column);

  arguments := format('%L, %L, %L, %L', no, key.key_column, kind || ':', coalesce(scope_column, ''));
  -- Before-triggers fire in the order of their names, and these stamp what the others leave.
  execute format(
    'create or replace trigger "~tidemark_stamp_insert" before insert on %s for each row
     when (new.version is distinct from 1 or new.updated_at is distinct from now())
     execute function tidemark.stamp_insert()', target);
  execute format(
    'create or replace trigger "~tidemark_deleted_at" before update on %s for each row
     when (new.deleted_at is distinct from old.deleted_at)
     execute function tidemark.refuse_deleted_at()', target);
  execute format(
    'create or replace trigger "~tidemark_stamp_update" before update on %s for each row
     execute function tidemark.stamp_update(%s)', target, (
      select string_agg(quote_literal(a.attname), ', ') from pg_catalog.pg_attribute a
      where a.attrelid = target and a.attgenerated <> '' and not a.attisdropped));
  execute format(
    'create or replace trigger tidemark_log_insert after insert on %s
     referencing new table as tidemark_new for each statement
     execute function tidemark.log_insert(%s)', target, arguments);
  execute format(
    'create or replace trigger tidemark_log_update after update on %s
     referencing old table as tidemark_old new table as tidemark_new for each statement
     execute function tidemark.log_update(%s)', target, arguments);
  execute format(
    'create or replace trigger tidemark_delete before delete on %s for each row
     execute function tidemark.collect_delete(%s)', target, arguments);
  execute format(
    'create or replace trigger tidemark_deleted after delete on %s for each statement
     execute function tidemark.delete_collected(%s)', target, arguments);
  execute format(
    'create or replace trigger tidemark_truncate before truncate on %s for each statement
     execute function tidemark.refuse_truncate()', target);
end
$$;
comment on function tidemark.add_table(regclass, text, text, jsonb) is
  'Makes a table syncable. scope: ''user:<column>'', ''<kind>:<column>'' or ''public''. Idempotent; with another '
  'scope, or for a table made anew, devices start afresh; refuses with SQLSTATE TMnnn.';

create function tidemark.remove_table(target regclass)
returns void
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  perform tidemark.forget_tables(tidemark.numbers_at(target), target);
end
$$;
comment on function tidemark.remove_table(regclass) is
  'Takes the triggers, the index, the log and the conflicts of a table off again, under whatever name it is now; its '
  'rows and columns stay.';
