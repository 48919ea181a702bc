-- What the app owner calls in a migration, one line a table:
--   select tidemark.add_table('public.contacts', 'user:user_id');
-- Idempotent: calling again changes the settings and repairs what is missing. With another scope, rows
-- are downloaded anew by whom they concern now.
-- Refusals have SQLSTATE TMnnn; docs/errors.md lists them.

create function tidemark.refuse_table(errcode text, code text, message text, hint text)
returns void
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using errcode = errcode, message = code || ': ' || message, hint = hint;
end
$$;

-- The type under a domain, or under a domain over a domain.
create function tidemark.base_type(type oid)
returns oid
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    with recursive under as (
      select y.oid, y.typbasetype from pg_catalog.pg_type y where y.oid = type
      union all
      select y.oid, y.typbasetype from under u join pg_catalog.pg_type y on y.oid = u.typbasetype
    )
    select u.oid from under u where u.typbasetype = 0
  );
end
$$;

-- The primary key's only column, its type, and whether devices can address rows by it: its text must
-- be the same whoever prints it.
create function tidemark.key_of(target oid, out key_column name, out key_type text)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  key_columns int;
begin
  select count(*), min(a.attname), min(format_type(tidemark.base_type(a.atttypid), null))
    into key_columns, key_column, key_type
  from pg_catalog.pg_index i
  cross join lateral unnest(i.indkey::int2[]) as k (attnum)
  join pg_catalog.pg_attribute a on a.attrelid = i.indrelid and a.attnum = k.attnum
  where i.indrelid = target and i.indisprimary;
  if key_columns = 0 then
    perform tidemark.refuse_table('TM001', 'no_primary_key',
      format('table "%s" has no primary key', target::regclass),
      format('Add one: alter table %s add column id uuid primary key default gen_random_uuid();', target::regclass));
  elsif key_columns > 1 then
    perform tidemark.refuse_table('TM002', 'composite_key',
      format('the primary key of table "%s" has %s columns; devices address a row by one value', target::regclass, key_columns),
      'Give the table a single-column primary key (a uuid) and keep the old key as a unique constraint.');
  elsif key_type not in ('uuid', 'text', 'character varying', 'bigint', 'integer', 'smallint') then
    perform tidemark.refuse_table('TM002', 'unusable_key',
      format('the primary key of table "%s" is %s, which has no one spelling', target::regclass, key_type),
      'Use a key of type uuid, text, varchar, bigint, integer or smallint.');
  end if;
end
$$;

create function tidemark.check_columns(target oid, scope_kind text, scope_column text)
returns void
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  found_column record;
begin
  if scope_kind <> 'public' then
    select a.attnotnull, format_type(a.atttypid, null) as type into found_column
    from pg_catalog.pg_attribute a
    where a.attrelid = target and a.attname = scope_column and a.attnum > 0 and not a.attisdropped;
    if found_column is null then
      perform tidemark.refuse_table('TM004', 'scope_column_missing',
        format('table "%s" has no column "%s"', target::regclass, scope_column),
        format('Name the column that says whose row it is, or use the scope ''public''.'));
    elsif not found_column.attnotnull then
      perform tidemark.refuse_table('TM005', 'scope_column_nullable',
        format('column "%s" of table "%s" may be null, and a row without a scope would be on no device', scope_column, target::regclass),
        format('alter table %s alter column %I set not null;', target::regclass, scope_column));
    elsif scope_kind = 'user' and found_column.type <> 'uuid' then
      perform tidemark.refuse_table('TM004', 'scope_column_missing',
        format('column "%s" of table "%s" is %s, and a user is a uuid', scope_column, target::regclass, found_column.type),
        'Name the uuid column that holds the owner''s auth.users id.');
    elsif exists (
      select from tidemark.live_scopes s
      join pg_catalog.pg_attribute a on a.attrelid = s.relation and a.attname = s.key_column
      where s.kind = scope_kind and format_type(a.atttypid, null) <> found_column.type)
    then
      perform tidemark.refuse_table('TM004', 'scope_column_missing',
        format('column "%s" of table "%s" is %s, and the keys of scope "%s" are not', scope_column, target::regclass, found_column.type, scope_kind),
        'Name a column of the type that the members table has.');
    end if;
  end if;
  for found_column in
    select a.attname, format_type(a.atttypid, a.atttypmod) as type, wanted.type as wanted
    from (values ('version', 'bigint'), ('updated_at', 'timestamp with time zone'), ('deleted_at', 'timestamp with time zone')) as wanted (name, type)
    join pg_catalog.pg_attribute a on a.attrelid = target and a.attname = wanted.name and not a.attisdropped
    where format_type(a.atttypid, null) <> wanted.type
  loop
    perform tidemark.refuse_table('TM007', 'stamp_column_type',
      format('column "%s" of table "%s" is %s, and tidemark needs it as %s', found_column.attname, target::regclass, found_column.type, found_column.wanted),
      format('Rename the column, or change it: alter table %s alter column %I type %s;', target::regclass, found_column.attname, found_column.wanted));
  end loop;
end
$$;

-- Policies and rules that exist, and whose function exists with the arguments it will be called with:
-- a policy's (server, client, old, context), a column rule's (server, client, old), all jsonb.
create function tidemark.check_policy(target oid, conflict text, columns jsonb)
returns void
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  bad record;
begin
  -- "function:" followed by what is no name at all is no policy either
  if exists (
    select from (select conflict as rule union all select r.value from jsonb_each_text(
      case jsonb_typeof(columns) when 'object' then columns else '{}' end) r) named
    where named.rule like 'function:%' and named.rule !~ '^function:("[^"]+"|[[:alpha:]_][[:alnum:]_$]*)([.]("[^"]+"|[[:alpha:]_][[:alnum:]_$]*))*$')
  then
    perform tidemark.refuse_table('TM008', 'unknown_conflict_policy', 'no function is named after "function:"', 'Use function:<schema.name>.');
  end if;
  if conflict is null or conflict not in ('last_write_wins', 'client_wins', 'server_wins', 'merge', 'keep_both', 'manual')
    and (conflict not like 'function:%' or to_regprocedure(tidemark.function_name(substr(conflict, 10)) || '(jsonb,jsonb,jsonb,jsonb)') is null)
  then
    perform tidemark.refuse_table('TM008', 'unknown_conflict_policy',
      format('"%s" is no conflict policy', conflict),
      'Use last_write_wins, client_wins, server_wins, merge, keep_both, manual, or function:<schema.name> of a function (server jsonb, client jsonb, old jsonb, context jsonb) returns jsonb.');
  end if;
  if jsonb_typeof(columns) is distinct from 'object' then
    perform tidemark.refuse_table('TM009', 'unknown_column_rule', 'columns is no object', 'Use {"column": "rule"}.');
  end if;
  select r.key, r.value into bad
  from jsonb_each_text(columns) r
  where not exists (
      select from pg_catalog.pg_attribute a
      where a.attrelid = target and a.attname = r.key and a.attnum > 0 and not a.attisdropped)
    or r.value is null
    or r.value not in ('newest', 'client', 'server', 'union', 'sum', 'max', 'min', 'deep')
      and (r.value not like 'function:%' or to_regprocedure(tidemark.function_name(substr(r.value, 10)) || '(jsonb,jsonb,jsonb)') is null)
  limit 1;
  if found then
    perform tidemark.refuse_table('TM009', 'unknown_column_rule',
      format('"%s": "%s" names no column of "%s" or no rule', bad.key, bad.value, target::regclass),
      'Rules: newest, client, server, union, sum, max, min, deep, or function:<schema.name> of a function (server jsonb, client jsonb, old jsonb) returns jsonb.');
  end if;
end
$$;

-- A tombstone still holds its unique values. Says so for each constraint, and what to use instead.
create function tidemark.warn_of_unique(target oid)
returns void
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  found_index record;
begin
  -- One notice each: a warning has no set-based form.
  for found_index in
    select c.relname as name, k.conname is not null as is_constraint,
      (select string_agg(pg_get_indexdef(i.indexrelid, n, true), ', ' order by n) from generate_series(1, i.indnkeyatts) n) as columns,
      (select string_agg(pg_get_indexdef(i.indexrelid, n, true), ', ' order by n) from generate_series(i.indnkeyatts + 1, i.indnatts) n) as included,
      (to_jsonb(i) ->> 'indnullsnotdistinct')::boolean as nulls_not_distinct,
      pg_get_expr(i.indpred, i.indrelid) as predicate
    from pg_catalog.pg_index i
    join pg_catalog.pg_class c on c.oid = i.indexrelid
    left join pg_catalog.pg_constraint k on k.conindid = i.indexrelid and k.contype = 'u'
    where i.indrelid = target and i.indisunique and not i.indisprimary
      and coalesce(pg_get_expr(i.indpred, i.indrelid), '') not like '%deleted_at IS NULL%'
  loop
    raise warning using
      errcode = 'TM014',
      message = format('unique_ignores_tombstones: a deleted row of "%s" keeps its (%s) in "%s", so no new row can have it', target::regclass, found_index.columns, found_index.name),
      hint = format('%s create unique index on %s (%s)%s%s where %sdeleted_at is null;',
        case when found_index.is_constraint then format('alter table %s drop constraint %I;', target::regclass, found_index.name)
          else format('drop index %s;', (select format('%I.%I', n.nspname, found_index.name) from pg_catalog.pg_class c join pg_catalog.pg_namespace n on n.oid = c.relnamespace where c.oid = target)) end,
        target::regclass, found_index.columns,
        case when found_index.included is null then '' else format(' include (%s)', found_index.included) end,
        case when found_index.nulls_not_distinct then ' nulls not distinct' else '' end,
        case when found_index.predicate is null then '' else format('(%s) and ', found_index.predicate) end);
  end loop;
end
$$;

-- The app's triggers that a soft delete passes by, as it is an update: those for each row after a delete
-- or sorted after our own before it, and those that look at the rows that were deleted. One that knows of
-- deleted_at, or whose function is also called when that changes, is taken to be told.
create function tidemark.triggers_passed_by(target oid)
returns name[]
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return array(
    select g.tgname
    from pg_catalog.pg_trigger g
    join pg_catalog.pg_proc f on f.oid = g.tgfoid
    where g.tgrelid = target and not g.tgisinternal and g.tgenabled <> 'D' and f.pronamespace <> 'tidemark'::regnamespace
      and g.tgtype & 8 > 0 -- delete
      and case when g.tgtype & 1 = 0 then g.tgoldtable is not null -- for each statement
        else g.tgtype & 2 = 0 or g.tgname::text collate "C" > 'tidemark_delete' end -- after; before
      and f.prosrc not like '%deleted_at%'
      and not exists (
        select from pg_catalog.pg_trigger also
        where also.tgrelid = target and also.tgfoid = g.tgfoid and pg_get_triggerdef(also.oid) like '%deleted_at%')
    order by g.tgname
  );
end
$$;

create function tidemark.warn_of_triggers(target oid)
returns void
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  passed_by name[] := tidemark.triggers_passed_by(target);
begin
  if passed_by <> '{}' then
    raise warning using
      errcode = 'TM018',
      message = format('triggers_passed_by: deleting a row of "%s" will be an update of deleted_at, which is not told to %s',
        target::regclass, (select string_agg(quote_ident(t), ', ' order by n) from unnest(passed_by) with ordinality as p (t, n))),
      hint = format('Call their functions so too: create trigger … after update of deleted_at on %s for each row when (old.deleted_at is null and new.deleted_at is not null) execute function …; and make those on delete again with "when (old.deleted_at is null)": tidemark.purge deletes tombstones for good.',
        target::regclass);
  end if;
end
$$;

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

-- Which table a relation is, its triggers say: they carry its number through a rename and through a dump. One
-- that was made anew under an old name carries none. As text, since other triggers' arguments are no numbers.
create view tidemark.numbered_relations with (security_invoker = true) as
select g.tgrelid as relation, split_part(encode(g.tgargs, 'escape'), '\000', 1) as number
from pg_catalog.pg_trigger g
where g.tgname = 'tidemark_log_update';
comment on view tidemark.numbered_relations is 'Relations with the triggers of a synced table, and its number.';

-- The numbers that a relation goes by: its own, and that of the table which had its name before.
create function tidemark.numbers_at(target oid)
returns int[]
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return array(
    select r.number::int from tidemark.numbered_relations r where r.relation = target
    union
    select t.table_no
    from tidemark.sync_tables t
    join pg_catalog.pg_namespace n on n.nspname = t.schema_name
    join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = t.table_name
    where c.oid = target
  );
end
$$;

-- Takes tables out of the registry, and off again what add_table put on: from a relation, and from those that
-- carry the numbers under whatever name. Conflicts go with their table, as nobody could decide them.
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
      and (f.proname <> 'refuse_truncate' or not exists (select from tidemark.watched_members w where w.relation = g.tgrelid))
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
    perform tidemark.refuse_table('TM006', 'not_a_plain_table',
      format('"%s" is %s', target, case when relation.relispartition then 'a partition' when relation.relkind = 'r' then 'part of an inheritance tree' when relation.relkind = 'p' then 'a partitioned table' when relation.relkind in ('v', 'm') then 'a view' else 'no table' end),
      'Add the plain table that holds the rows.');
  end if;
  if exists (
    select from pg_catalog.pg_attribute a where a.attrelid = target and a.attname like 'tidemark\_%' and not a.attisdropped)
  then
    perform tidemark.refuse_table('TM015', 'reserved_name',
      format('a column of "%s" has a name that starts with tidemark_', target), 'Rename the column.');
  elsif exists (
    select from tidemark.sync_tables t
    where t.name = case when schema_of = 'public' then relation.relname else schema_of || '.' || relation.relname end
      and (t.schema_name, t.table_name) <> (schema_of, relation.relname::text))
  then
    perform tidemark.refuse_table('TM015', 'reserved_name',
      format('another synced table already goes by the name of "%s" for clients', target), 'Rename one of them.');
  end if;
  key := tidemark.key_of(target);
  -- Another relation, name, key or scope makes it another table: what devices and the log know of it is by the
  -- old one. The number that it gets then tells devices to start afresh. What waits for a person waits on,
  -- where the rows are the same.
  select t.table_no, t.schema_name, t.table_name, t.key_type, t.scope_kind, coalesce(l.scope_column, t.scope_column) as scope_column into known
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
    perform tidemark.refuse_table('TM003', 'rls_disabled',
      format('row level security is off for "%s", so every user would get every row', target),
      format('alter table %s enable row level security; and write its policies.', target));
  end if;
  if scope is null
    or not (scope = 'public' or scope_column is not null and (
      kind = 'user' or exists (select from tidemark.sync_scopes s where s.kind = split_part(add_table.scope, ':', 1))))
  then
    perform tidemark.refuse_table('TM011', 'unknown_scope',
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
  execute format('update %s set version = coalesce(version, 1), updated_at = coalesce(updated_at, now()) where version is null or updated_at is null', target);
  execute format(
    'alter table %s
       alter column version set default 1, alter column version set not null,
       alter column updated_at set default now(), alter column updated_at set not null,
       alter column deleted_at drop not null', target);

  insert into tidemark.sync_tables as t (name, schema_name, table_name, key_column, key_type, scope_kind, scope_column, conflict, columns, column_numbers, numbers_of)
  values (
    case when schema_of = 'public' then relation.relname else schema_of || '.' || relation.relname end,
    schema_of, relation.relname, key.key_column, key.key_type, kind, scope_column, add_table.conflict, add_table.columns,
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
  'Makes a table syncable. scope: ''user:<column>'', ''<kind>:<column>'' or ''public''. Idempotent; with another scope, or for a table made anew, devices start afresh; refuses with SQLSTATE TMnnn.';

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
comment on function tidemark.remove_table(regclass) is 'Takes the triggers, the index, the log and the conflicts of a table off again, under whatever name it is now; its rows and columns stay.';
