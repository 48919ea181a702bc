-- What tidemark.add_table refuses. Refusals have SQLSTATE TMnnn; docs/errors.md lists them.

-- The primary key's only column, its type, and whether devices can address rows by it: its text must be the same
-- in every session that prints it.
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
    perform tidemark.raise_setup_error('TM001', 'no_primary_key',
      format('table "%s" has no primary key', target::regclass),
      format('Add one: alter table %s add column id uuid primary key default gen_random_uuid();', target::regclass));
  elsif key_columns > 1 then
    perform tidemark.raise_setup_error('TM002', 'composite_key',
      format('the primary key of table "%s" has %s columns; devices address a row by one value',
        target::regclass, key_columns),
      'Give the table a single-column primary key (a uuid) and keep the old key as a unique constraint.');
  elsif key_type not in ('uuid', 'text', 'character varying', 'bigint', 'integer', 'smallint') then
    perform tidemark.raise_setup_error('TM002', 'unusable_key',
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
      perform tidemark.raise_setup_error('TM004', 'scope_column_missing',
        format('table "%s" has no column "%s"', target::regclass, scope_column),
        format('Name the column that says whose row it is, or use the scope ''public''.'));
    elsif not found_column.attnotnull then
      perform tidemark.raise_setup_error('TM005', 'scope_column_nullable',
        format('column "%s" of table "%s" may be null, and a row without a scope would be on no device',
          scope_column, target::regclass),
        format('alter table %s alter column %I set not null;', target::regclass, scope_column));
    elsif scope_kind = 'user' and found_column.type <> 'uuid' then
      perform tidemark.raise_setup_error('TM004', 'scope_column_missing',
        format('column "%s" of table "%s" is %s, and a user is a uuid',
          scope_column, target::regclass, found_column.type),
        'Name the uuid column that holds the owner''s auth.users id.');
    elsif exists (
      select from tidemark.live_scopes s
      join pg_catalog.pg_attribute a on a.attrelid = s.relation and a.attname = s.key_column
      where s.kind = scope_kind and format_type(a.atttypid, null) <> found_column.type)
    then
      perform tidemark.raise_setup_error('TM004', 'scope_column_missing',
        format('column "%s" of table "%s" is %s, and the keys of scope "%s" are not',
          scope_column, target::regclass, found_column.type, scope_kind),
        'Name a column of the type that the members table has.');
    end if;
  end if;
  for found_column in
    select a.attname, format_type(a.atttypid, a.atttypmod) as type, wanted.type as wanted
    from (values
      ('version', 'bigint'), ('updated_at', 'timestamp with time zone'), ('deleted_at', 'timestamp with time zone')
    ) as wanted (name, type)
    join pg_catalog.pg_attribute a on a.attrelid = target and a.attname = wanted.name and not a.attisdropped
    where format_type(a.atttypid, null) <> wanted.type
  loop
    perform tidemark.raise_setup_error('TM007', 'stamp_column_type',
      format('column "%s" of table "%s" is %s, and tidemark needs it as %s',
        found_column.attname, target::regclass, found_column.type, found_column.wanted),
      format('Rename the column, or change it: alter table %s alter column %I type %s;',
        target::regclass, found_column.attname, found_column.wanted));
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
    where named.rule like 'function:%' and named.rule !~
      '^function:("[^"]+"|[[:alpha:]_][[:alnum:]_$]*)([.]("[^"]+"|[[:alpha:]_][[:alnum:]_$]*))*$')
  then
    perform tidemark.raise_setup_error('TM008', 'unknown_conflict_policy',
      'no function is named after "function:"', 'Use function:<schema.name>.');
  end if;
  if conflict is null
    or conflict not in ('last_write_wins', 'client_wins', 'server_wins', 'merge', 'keep_both', 'manual')
    and (
      conflict not like 'function:%'
      or to_regprocedure(tidemark.function_name(substr(conflict, 10)) || '(jsonb,jsonb,jsonb,jsonb)') is null)
  then
    perform tidemark.raise_setup_error('TM008', 'unknown_conflict_policy',
      format('"%s" is no conflict policy', conflict),
      'Use last_write_wins, client_wins, server_wins, merge, keep_both, manual, or function:<schema.name> of a '
      'function (server jsonb, client jsonb, old jsonb, context jsonb) returns jsonb.');
  end if;
  if jsonb_typeof(columns) is distinct from 'object' then
    perform tidemark.raise_setup_error('TM009', 'unknown_column_rule',
      'columns is no object', 'Use {"column": "rule"}.');
  end if;
  select r.key, r.value into bad
  from jsonb_each_text(columns) r
  where not exists (
      select from pg_catalog.pg_attribute a
      where a.attrelid = target and a.attname = r.key and a.attnum > 0 and not a.attisdropped)
    or r.value is null
    or r.value not in ('newest', 'client', 'server', 'union', 'sum', 'max', 'min', 'deep')
      and (
        r.value not like 'function:%'
        or to_regprocedure(tidemark.function_name(substr(r.value, 10)) || '(jsonb,jsonb,jsonb)') is null)
  limit 1;
  if found then
    perform tidemark.raise_setup_error('TM009', 'unknown_column_rule',
      format('"%s": "%s" names no column of "%s" or no rule', bad.key, bad.value, target::regclass),
      'Rules: newest, client, server, union, sum, max, min, deep, or function:<schema.name> of a function '
      '(server jsonb, client jsonb, old jsonb) returns jsonb.');
  end if;
end
$$;
