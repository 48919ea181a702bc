-- The rows of a page, read under the caller's own policies: rows that the log names, as they are now, and rows of a
-- scope or table that is new to the device, straight from the table. sync_pull says which of them a page is made of.

-- As SQL, the columns that a pull reads from alias t. exact: bigint and numeric as text, for clients whose JSON parser
-- rounds. Without it, and with SELECT on the whole table, all columns.
create function tidemark.pulled_columns(relation oid, exact boolean)
returns text
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
  return (
    select case
      when not exact and has_table_privilege(relation, 'select') then 't.*'
      else (
        select string_agg(
          case when exact and attribute.attname <> 'version' and element.base in ('int8'::regtype, 'numeric'::regtype)
            then format('t.%1$I::text%2$s as %1$I', attribute.attname, case when element.is_array then '[]' else '' end)
            else format('t.%I', attribute.attname) end,
          ', ' order by attribute.attnum)
        from pg_catalog.pg_attribute attribute
        join pg_catalog.pg_type column_type on column_type.oid = tidemark.base_type(attribute.atttypid)
        cross join lateral (
          select
            column_type.typcategory = 'A' and column_type.typelem <> 0 as is_array,
            tidemark.base_type(
              case when column_type.typcategory = 'A' and column_type.typelem <> 0 then column_type.typelem
                else column_type.oid end
            ) as base
        ) element
        where attribute.attrelid = relation and attribute.attnum > 0 and not attribute.attisdropped
          and has_column_privilege(relation, attribute.attnum, 'select')
      )
    end
  );
end
$$;

-- As SQL, the scope that a row of alias t is in.
create function tidemark.scope_expression(registered tidemark.live_tables)
returns text
language plpgsql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select case when registered.scope_kind = 'public' then quote_literal('public')
      else format('%L || t.%I', registered.scope_kind || ':', registered.scope_column) end
  );
end
$$;

-- As SQL, whether the caller is in the scope of a row of alias t. $2 has the caller's keys of that kind.
create function tidemark.in_my_scopes(registered tidemark.live_tables)
returns text
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select case when registered.scope_kind = 'public' then 'true'
      else format('t.%I = any ($2::%s[])', registered.scope_column, (
        select format_type(a.atttypid, null) from pg_catalog.pg_attribute a
        where a.attrelid = registered.relation and a.attname = registered.scope_column
      )) end
  );
end
$$;

-- Rows are printed once, for this type: every further level of json that is built around them copies their text.
create type tidemark.change as (scope text, "table" text, upsert json, remove text[]);
comment on type tidemark.change is
  'Rows of one table in one scope to put, and ids of rows to remove: an element of the changes that sync_pull answers '
  'with.';

-- Reads the rows that the log names, as they are now: one change a scope. A row that is not there any more, not in that
-- scope, or not visible to the caller is removed; such rows are looked for only where fewer rows were found than were
-- named. A table that was dropped meanwhile has no changes.
create function tidemark.read_rows(table_no int, scopes text[], row_ids text[], exact boolean)
returns tidemark.change[]
language plpgsql
stable
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
declare
  registered tidemark.live_tables := tidemark.table_by_no(table_no);
  changes tidemark.change[];
  rows_found bigint;
begin
  execute format(
    'select array_agg(row(found.scope, %1$L, found.upsert, ''{}'')::tidemark.change), sum(found.n)
     from (
       select %4$s as scope, json_agg(tidemark_page) as upsert, count(*) as n
       from %2$s t
       cross join lateral (select %6$s) tidemark_page
       where t.%3$I = any ((select $1)::%5$s[]) and t.deleted_at is null and %7$s
       group by %8$s
     ) found
     where found.n > 0',
    registered.name, registered.relation::regclass, registered.key_column,
    tidemark.scope_expression(registered), registered.key_type,
    tidemark.pulled_columns(registered.relation, exact), tidemark.in_my_scopes(registered),
    coalesce('t.' || quote_ident(registered.scope_column), '()')
  ) into changes, rows_found using row_ids, tidemark.my_keys(registered.scope_kind);
  if rows_found = cardinality(row_ids) then
    return changes;
  end if;
  execute format(
    'select array_agg(row(
       coalesce(found.scope, missing.scope), %1$L, coalesce(found.upsert, ''[]''), coalesce(missing.remove, ''{}'')
       )::tidemark.change)
     from unnest($1) found
     full join (
       select named.scope, array_agg(named.row_id) as remove
       from (select distinct entry.scope, entry.row_id from unnest($2, $3) as entry (scope, row_id)) named
       where not exists (
         select from %2$s t where t.%3$I = named.row_id::%4$s and t.deleted_at is null and %5$s = named.scope)
       group by named.scope
     ) missing on missing.scope = found.scope',
    registered.name, registered.relation::regclass, registered.key_column, registered.key_type,
    tidemark.scope_expression(registered)
  ) into changes using changes, scopes, row_ids;
  return changes;
exception when syntax_error or undefined_table then
  if tidemark.is_gone(registered.relation) then
    return '{}';
  end if;
  raise;
end
$$;

-- Reads the rows of a page that names rows of several tables, in the order of `tables`.
create function tidemark.read_entries(tables int[], table_nos int[], scopes text[], row_ids text[], exact boolean)
returns tidemark.change[]
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  named int[] := array(select distinct n from unnest(table_nos) n);
  no int;
  changes tidemark.change[] := '{}';
begin
  if cardinality(named) = 1 then
    return tidemark.read_rows(named[1], scopes, row_ids, exact);
  end if;
  -- One table at a time: each is another relation, and parents come first.
  foreach no in array tables loop
    continue when no <> all (named);
    changes := changes || tidemark.read_rows(
      no,
      array(select e.scope from unnest(table_nos, scopes) as e (table_no, scope) where e.table_no = no),
      array(select e.row_id from unnest(table_nos, row_ids) as e (table_no, row_id) where e.table_no = no),
      exact);
  end loop;
  return changes;
end
$$;

-- Reads rows straight from the tables, for a scope or table that is new to the device: scope by scope in key order
-- until the page is full. waiting and rest: [[table_no, scope key, after row key, only this scope], …]; nulls mean
-- from the beginning.
create function tidemark.read_pages(
  waiting jsonb, rows_left int, exact boolean,
  out changes tidemark.change[], out rows_read int, out rest jsonb
)
language plpgsql
stable
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
declare
  registered tidemark.live_tables;
  place jsonb;
  key text;
  last_key text;
  scope text;
  upsert json;
  n int;
begin
  rest := waiting;
  rows_read := 0;
  -- One table and scope at a time, because where one ends the next one begins.
  while rest <> '[]' loop
    place := rest -> 0;
    registered := tidemark.table_by_no((place ->> 0)::int);
    for key in
      select mine
      from unnest(
        case registered.scope_kind when 'public' then '{""}' else tidemark.my_keys(registered.scope_kind) end
      ) mine
      where place ->> 1 is null or mine = place ->> 1 or mine collate "C" > place ->> 1 and place ->> 3 is null
      order by mine collate "C"
    loop
      if rows_left = 0 then
        return;
      end if;
      scope := case registered.scope_kind when 'public' then 'public' else registered.scope_kind || ':' || key end;
      begin
        execute format(
          'select json_agg(p.tidemark_row), count(*), (array_agg(p.tidemark_key))[count(*)]::text
           from (
             select t.%1$I as tidemark_key, tidemark_page as tidemark_row
             from %2$s t
             cross join lateral (select %3$s) tidemark_page
             where t.deleted_at is null and %4$s and %5$s
             order by t.%1$I
             limit %6$s
           ) p',
          registered.key_column, registered.relation::regclass, tidemark.pulled_columns(registered.relation, exact),
          case registered.scope_kind when 'public' then 'true'
            else format('t.%I = %L', registered.scope_column, key) end,
          case when key = place ->> 1 and place ->> 2 is not null
            then format('t.%I > %L', registered.key_column, place ->> 2) else 'true' end,
          rows_left
        ) into upsert, n, last_key;
      exception when syntax_error or undefined_table then
        if not tidemark.is_gone(registered.relation) then
          raise;
        end if;
        exit; -- dropped meanwhile: the next one
      end;
      rows_left := rows_left - n;
      rows_read := rows_read + n;
      rest := jsonb_set(rest, '{0}', jsonb_build_array(registered.table_no, key, last_key, place ->> 3));
      if n > 0 then
        changes := changes || row(scope, registered.name, upsert, '{}')::tidemark.change;
      end if;
    end loop;
    if rows_left = 0 then
      return;
    end if;
    rest := rest - 0;
  end loop;
end
$$;

create function tidemark.count_rows(tables int[])
returns bigint
language plpgsql
stable
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
declare
  registered tidemark.live_tables;
  total bigint := 0;
  counted bigint;
  no int;
begin
  -- One statement a table: they are different relations.
  foreach no in array tables loop
    registered := tidemark.table_by_no(no);
    begin
      execute format('select count(*) from %s t where t.deleted_at is null and $1 is null and %s',
        registered.relation::regclass, tidemark.in_my_scopes(registered)
      ) into counted using null::text, tidemark.my_keys(registered.scope_kind);
      total := total + counted;
    exception when syntax_error or undefined_table then
      if not tidemark.is_gone(registered.relation) then
        raise;
      end if;
    end;
  end loop;
  return total;
end
$$;
