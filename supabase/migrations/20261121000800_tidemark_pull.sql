-- Pull: what is new for this device since its cursor. Writes nothing, so it runs on replicas and by
-- GET. Security invoker: rows are read under the caller's own policies, and an entry whose row the
-- caller may not see becomes a remove.

-- A registered table by number, for functions that run as the caller.
create function tidemark.table_by_no(wanted int)
returns tidemark.live_tables
language sql
stable
security definer -- reads the registry
set search_path = ''
as $$
  select t from tidemark.live_tables t where t.table_no = wanted
$$;

-- The tables a pull covers, parents first; names that are not registered are refused.
create function tidemark.tables_to_pull(names text[])
returns int[]
language plpgsql
stable
security definer -- reads the registry
set search_path = ''
as $$
declare
  unknown text;
begin
  select n.name into unknown
  from unnest(names) as n (name)
  where not exists (select from tidemark.live_tables t where t.name = n.name)
  limit 1;
  if found then
    perform tidemark.refuse(400, 'malformed', format('options.tables: "%s" is not synced', unknown),
      'Run select tidemark.add_table(…) in a migration, or leave the table out.');
  end if;
  return (
    select coalesce(array_agg(t.table_no order by r.rank, t.table_no), '{}')
    from tidemark.live_tables t
    join tidemark.table_ranks() r using (table_no)
    where names is null or t.name = any (names)
  );
end
$$;

-- The columns a pull reads from alias t. exact: bigint and numeric as text, for readers whose JSON
-- parser rounds. Without it, and with SELECT on the whole table, simply everything.
create function tidemark.pulled_columns(relation oid, exact boolean)
returns text
language sql
stable
security invoker
set search_path = ''
as $$
  select case
    when not exact and has_table_privilege(relation, 'select') then 't.*'
    else (
      select string_agg(
        case when exact and a.attname <> 'version' and b.base in ('int8'::regtype, 'numeric'::regtype)
          then format('t.%1$I::text%2$s as %1$I', a.attname, case when b.is_array then '[]' else '' end)
          else format('t.%I', a.attname) end,
        ', ' order by a.attnum)
      from pg_catalog.pg_attribute a
      join pg_catalog.pg_type y on y.oid = a.atttypid
      left join pg_catalog.pg_type d on d.oid = y.typbasetype
      cross join lateral (
        select
          case when coalesce(d.typelem, y.typelem) <> 0 and coalesce(d.typcategory, y.typcategory) = 'A'
            then coalesce(d.typelem, y.typelem) else coalesce(d.oid, y.oid) end as base,
          coalesce(d.typcategory, y.typcategory) = 'A' as is_array
      ) b
      where a.attrelid = relation and a.attnum > 0 and not a.attisdropped
        and has_column_privilege(relation, a.attnum, 'select')
    )
  end
$$;

-- The scope a row of alias t is in.
create function tidemark.scope_expression(registered tidemark.live_tables)
returns text
language sql
immutable
security invoker
set search_path = ''
as $$
  select case when registered.scope_kind = 'public' then quote_literal('public')
    else format('%L || t.%I', registered.scope_kind || ':', registered.scope_column) end
$$;

-- Rows named by the log, as they are now: one change object a scope.
create function tidemark.read_rows(table_no int, scopes text[], row_ids text[], exact boolean)
returns json[]
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  registered tidemark.live_tables := tidemark.table_by_no(table_no);
  changes json[];
begin
  execute format(
    'select array_agg(json_build_object(''scope'', g.scope, ''table'', %1$L, ''upsert'', g.upsert, ''remove'', g.remove))
     from (
       select
         e.scope,
         coalesce(json_agg(r.tidemark_row) filter (where r.tidemark_key is not null), ''[]''::json) as upsert,
         coalesce(json_agg(e.row_id) filter (where r.tidemark_key is null), ''[]''::json) as remove
       from unnest($1, $2, $2::%2$s[]) as e (scope, row_id, row_key)
       left join lateral (
         select t.%3$I as tidemark_key, tidemark_page as tidemark_row
         from %4$s t
         cross join lateral (select %5$s) tidemark_page
         where t.%3$I = e.row_key and t.deleted_at is null and %6$s = e.scope
       ) r on true
       group by e.scope
     ) g',
    registered.name, registered.key_type, registered.key_column, registered.relation::regclass,
    tidemark.pulled_columns(registered.relation, exact), tidemark.scope_expression(registered)
  ) into changes using scopes, row_ids;
  return changes;
end
$$;

-- The first download: a page straight from the table, in key order.
create function tidemark.read_page(
  table_no int, after_key text, max_rows int, exact boolean,
  out change json, out rows_read int, out last_key text
)
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  registered tidemark.live_tables := tidemark.table_by_no(table_no);
begin
  execute format(
    'select
       json_build_object(''scope'', $1, ''table'', %1$L, ''upsert'', json_agg(p.tidemark_row), ''remove'', ''[]''::json),
       count(*),
       (array_agg(p.tidemark_key))[count(*)]
     from (
       select t.%2$I::text as tidemark_key, tidemark_page as tidemark_row
       from %3$s t
       cross join lateral (select %4$s) tidemark_page
       where t.deleted_at is null and %5$s and %6$s
       order by t.%2$I
       limit $3
     ) p',
    registered.name, registered.key_column, registered.relation::regclass,
    tidemark.pulled_columns(registered.relation, exact),
    case when registered.scope_kind = 'public' then 'true' else format('t.%I = auth.uid()', registered.scope_column) end,
    case when after_key is null then 'true' else format('t.%I > $2::%s', registered.key_column, registered.key_type) end
  ) into change, rows_read, last_key
  using case when registered.scope_kind = 'public' then 'public' else 'user:' || auth.uid() end, after_key, max_rows;
end
$$;

create function tidemark.count_rows(tables int[])
returns bigint
language plpgsql
stable
security invoker
set search_path = ''
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
    execute format('select count(*) from %s t where t.deleted_at is null and %s',
      registered.relation::regclass,
      case when registered.scope_kind = 'public' then 'true' else format('t.%I = auth.uid()', registered.scope_column) end
    ) into counted;
    total := total + counted;
  end loop;
  return total;
end
$$;

-- The page size asked for, within the limits.
create function tidemark.page_limit(options json)
returns int
language plpgsql
stable
security definer -- reads the settings
set search_path = ''
as $$
declare
  asked text := options ->> 'limit';
  limits tidemark.settings;
begin
  select s.* into limits from tidemark.settings s;
  if asked is null then
    return limits.default_page;
  elsif asked !~ '^[1-9]\d{0,8}$' then
    perform tidemark.refuse(400, 'malformed', format('options.limit: expected 1 to %s', limits.max_page));
  end if;
  return least(asked::int, limits.max_page);
end
$$;

create function tidemark.text_array(input json, path text)
returns text[]
language plpgsql
immutable
security invoker
set search_path = ''
as $$
begin
  if input is null or json_typeof(input) = 'null' then
    return null;
  elsif json_typeof(input) <> 'array' or exists (
    select from json_array_elements(input) e where json_typeof(e) <> 'string'
  ) then
    perform tidemark.refuse(400, 'malformed', path || ': expected an array of strings');
  end if;
  return array(select json_array_elements_text(input));
end
$$;

create function public.sync_pull(device_id uuid, "cursor" json default null, options json default '{}')
returns json
language plpgsql
stable
security invoker
set search_path = ''
as $$
declare
  present pg_snapshot := tidemark.snapshot_now();
  epoch text := tidemark.epoch();
  room int;
  exact boolean;
  tables int[];
  held int[];
  seen pg_snapshot;
  upto pg_snapshot;
  after_xact xid8;
  after_id bigint;
  boot jsonb;
  done bigint;
  total bigint;
  position jsonb;
  page record;
  changes json[] := '{}';
  more boolean := false;
  next_cursor jsonb;
begin
  perform tidemark.require_user();
  options := coalesce(options, '{}');
  if json_typeof(options) <> 'object' then
    perform tidemark.refuse(400, 'malformed', 'options: expected an object');
  end if;
  perform tidemark.require_protocol(options);
  perform tidemark.require_device(sync_pull.device_id);
  room := tidemark.page_limit(options);
  exact := coalesce(options ->> 'exact', 'false') = 'true';
  tables := tidemark.tables_to_pull(tidemark.text_array(options -> 'tables', 'options.tables'));

  position := nullif("cursor"::jsonb, 'null');
  if position is not null then
    begin
      held := array(select jsonb_array_elements_text(position -> 'tables')::int);
      seen := (position ->> 'seen')::pg_snapshot;
      upto := (position ->> 'upto')::pg_snapshot;
      after_xact := (position -> 'after' ->> 0)::xid8;
      after_id := (position -> 'after' ->> 1)::bigint;
      boot := coalesce(position -> 'boot', '[]');
      done := (position ->> 'done')::bigint;
      total := (position ->> 'total')::bigint;
      if seen is null or position ->> 'epoch' is null or jsonb_typeof(boot) <> 'array' then
        raise data_exception;
      end if;
    exception when data_exception or invalid_parameter_value then
      perform tidemark.refuse(400, 'malformed', 'cursor: not one that sync_pull gave out', 'Send the last cursor unchanged, or none.');
    end;
    -- Another database, or one that has gone back in time. A standby may simply be behind.
    if position ->> 'epoch' <> epoch
      or (pg_snapshot_xmax(seen) > pg_snapshot_xmax(present) and not pg_is_in_recovery()) then
      return json_build_object('changes', '[]'::json, 'joined', '[]'::json, 'left', '[]'::json,
        'cursor', null, 'more', true, 'reset', true, 'server_time', now());
    end if;
  else
    seen := present;
    held := '{}';
    boot := '[]';
    done := 0;
  end if;

  -- Tables this cursor does not cover yet are downloaded first; one that is no longer asked for is forgotten.
  boot := (
    select coalesce(jsonb_agg(b.entry order by b.n), '[]')
    from (
      select e.entry, e.n from jsonb_array_elements(boot) with ordinality as e (entry, n)
      where (e.entry ->> 0)::int = any (tables)
      union all
      select jsonb_build_array(t.no, null), 1000000 + t.n
      from unnest(tables) with ordinality as t (no, n)
      where t.no <> all (held)
    ) b
  );

  -- One table after the other until the page is full.
  while room > 0 and jsonb_array_length(boot) > 0 loop
    select * into page from tidemark.read_page((boot -> 0 ->> 0)::int, boot -> 0 ->> 1, room, exact);
    if page.rows_read > 0 then
      changes := changes || page.change;
    end if;
    if page.rows_read = room then
      total := coalesce(total, tidemark.count_rows(array(select (e ->> 0)::int from jsonb_array_elements(boot) e)) + coalesce(done, 0));
      boot := jsonb_set(boot, '{0,1}', to_jsonb(page.last_key));
    else
      boot := boot - 0;
    end if;
    room := room - page.rows_read;
    done := coalesce(done, 0) + page.rows_read;
  end loop;

  if jsonb_array_length(boot) > 0 then
    more := true;
  elsif room = 0 then
    more := true;
    boot := '[]';
  elsif position is not null then
    -- A window that an earlier call opened keeps its end; when it is drained there may be another.
    more := upto is not null;
    upto := coalesce(upto, present);
    if after_xact is null then
      after_xact := pg_snapshot_xmin(seen);
      after_id := 0;
    end if;
    for page in
      select p.*
      from tidemark.log_page(seen, upto, after_xact, after_id, tables, room) p
      join unnest(tables) with ordinality as t (no, n) on t.no = p.table_no
      order by t.n
    loop
      changes := changes || tidemark.read_rows(page.table_no, page.scopes, page.row_ids, exact);
      after_xact := page.last_xact;
      after_id := page.last_id;
      if page.more then
        more := true;
        room := 0;
      end if;
    end loop;
    if room > 0 then
      seen := upto;
      upto := null;
      after_xact := null;
    end if;
  end if;

  next_cursor := jsonb_strip_nulls(jsonb_build_object(
    'epoch', epoch,
    'tables', to_jsonb(tables),
    'seen', seen,
    'upto', upto,
    'after', case when after_xact is not null then jsonb_build_array(after_xact, after_id) end,
    'boot', nullif(boot, '[]'),
    'done', case when boot <> '[]' then done end,
    'total', case when boot <> '[]' then total end
  ));
  if total is null then
    return json_build_object('changes', array_to_json(changes), 'joined', '[]'::json, 'left', '[]'::json,
      'cursor', next_cursor, 'more', more, 'server_time', now());
  end if;
  return json_build_object('changes', array_to_json(changes), 'joined', '[]'::json, 'left', '[]'::json,
    'cursor', next_cursor, 'more', more, 'server_time', now(),
    'progress', json_build_object('done', done, 'total', greatest(done, total)));
end
$$;
comment on function public.sync_pull(uuid, json, json) is
  'What is new for this device since its cursor: {changes, joined, left, cursor, more, reset?, progress?, server_time}. Call again at once while more is true.';
