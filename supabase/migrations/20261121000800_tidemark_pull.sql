-- Pull: what is new for this device since its cursor. Writes nothing, so it runs on replicas and by
-- GET. Security invoker: rows are read under the caller's own policies, and an entry whose row the
-- caller may not see becomes a remove.

-- A registered table by number, for functions that run as the caller.
create function tidemark.table_by_no(wanted int)
returns tidemark.live_tables
language plpgsql
stable
security definer -- reads the registry
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
declare
  registered tidemark.live_tables;
begin
  select t.* into registered from tidemark.live_tables t where t.table_no = wanted;
  return registered;
end
$$;

-- Which relations are synced, for functions that run as the caller.
create function tidemark.table_names()
returns table (name text, relation oid)
language plpgsql
stable
security definer -- reads the registry
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    select t.name, t.relation from tidemark.live_tables t;
end
$$;

-- Registered tables, parents first; names that are not registered are refused.
create function tidemark.tables_by_name(names text[])
returns setof tidemark.live_tables
language plpgsql
stable
security definer -- reads the registry
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
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
  return query
    select t.*
    from tidemark.live_tables t
    join tidemark.table_ranks() r using (table_no)
    where names is null or t.name = any (names)
    order by r.rank, t.table_no;
end
$$;

-- The tables a pull covers. One that the caller has no grant to read is left out: it must not keep the
-- others from coming.
-- shapes: what their rows are made of, by table_no. It changes when a column that the caller may read is
-- added, dropped, renamed or retyped: no trigger fires then, so devices download such a table again.
create function tidemark.tables_to_pull(names text[], out tables int[], out shapes jsonb)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
  select coalesce(array_agg(p.table_no order by p.n), '{}'), coalesce(jsonb_object_agg(p.table_no, p.shape), '{}')
    into tables, shapes
  from (
    select t.table_no, t.n, (
      select hashtext(string_agg(concat_ws(' ', a.attname, a.atttypid, a.atttypmod), ',' order by a.attnum))
      from pg_catalog.pg_attribute a
      where a.attrelid = t.relation and a.attnum > 0 and not a.attisdropped
        and (t.whole or has_column_privilege(t.relation, a.attnum, 'select'))
    ) as shape
    from (
      select r.*, has_table_privilege(r.relation, 'select') as whole
      from tidemark.tables_by_name(names) with ordinality as r (
        table_no, name, schema_name, table_name, key_column, key_type, scope_kind, scope_column, conflict, columns, relation, n)
    ) t
    where has_schema_privilege(t.schema_name, 'usage')
      and (t.whole or (
        select bool_and(has_column_privilege(t.relation, c.name, 'select'))
        from unnest(array[t.key_column, coalesce(t.scope_column, t.key_column), 'version', 'deleted_at']) as c (name)))
  ) p;
end
$$;

-- The columns a pull reads from alias t. exact: bigint and numeric as text, for readers whose JSON
-- parser rounds. Without it, and with SELECT on the whole table, simply everything.
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
          case when exact and a.attname <> 'version' and b.base in ('int8'::regtype, 'numeric'::regtype)
            then format('t.%1$I::text%2$s as %1$I', a.attname, case when b.is_array then '[]' else '' end)
            else format('t.%I', a.attname) end,
          ', ' order by a.attnum)
        from pg_catalog.pg_attribute a
        join pg_catalog.pg_type y on y.oid = tidemark.base_type(a.atttypid)
        cross join lateral (
          select
            y.typcategory = 'A' and y.typelem <> 0 as is_array,
            tidemark.base_type(case when y.typcategory = 'A' and y.typelem <> 0 then y.typelem else y.oid end) as base
        ) b
        where a.attrelid = relation and a.attnum > 0 and not a.attisdropped
          and has_column_privilege(relation, a.attnum, 'select')
      )
    end
  );
end
$$;

-- The scope a row of alias t is in, and whether the caller is in it ($2: their keys of that kind).
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

-- What an answer says of one table in one scope. Rows are printed once, here: every further level of
-- json that is built around them copies their text.
create type tidemark.change as (scope text, "table" text, upsert json, remove text[]);
comment on type tidemark.change is 'Rows of one table in one scope to put, and ids of rows to remove: an element of the changes that sync_pull answers with.';

-- Rows named by the log, as they are now: one change a scope. A row that is not there any more, not in
-- that scope, or not visible to the caller is removed; those are looked for only where fewer rows were
-- found than were named.
create function tidemark.read_rows(table_no int, scopes text[], row_ids text[], exact boolean)
returns tidemark.change[]
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  registered tidemark.live_tables := tidemark.table_by_no(table_no);
  changes tidemark.change[];
  rows_found bigint;
begin
  execute format(
    'select array_agg(row(f.scope, %1$L, f.upsert, ''{}'')::tidemark.change), sum(f.n)
     from (
       select %4$s as scope, json_agg(tidemark_page) as upsert, count(*) as n
       from %2$s t
       cross join lateral (select %6$s) tidemark_page
       where t.%3$I = any ((select $1)::%5$s[]) and t.deleted_at is null and %7$s
       group by %8$s
     ) f
     where f.n > 0',
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
       coalesce(f.scope, m.scope), %1$L, coalesce(f.upsert, ''[]''), coalesce(m.remove, ''{}''))::tidemark.change)
     from unnest($1) f
     full join (
       select e.scope, array_agg(e.row_id) as remove
       from (select distinct u.scope, u.row_id from unnest($2, $3) as u (scope, row_id)) e
       where not exists (
         select from %2$s t where t.%3$I = e.row_id::%4$s and t.deleted_at is null and %5$s = e.scope)
       group by e.scope
     ) m on m.scope = f.scope',
    registered.name, registered.relation::regclass, registered.key_column, registered.key_type,
    tidemark.scope_expression(registered)
  ) into changes using changes, scopes, row_ids;
  return changes;
end
$$;

-- The same for a page that names rows of several tables, in the order given.
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

-- Straight from the tables, for a scope or table that is new to the device: scope by scope in key
-- order until the page is full. waiting and rest: [[table_no, scope key, after row key, only this
-- scope], …]; nulls mean from the beginning.
create function tidemark.read_pages(
  waiting jsonb, room int, exact boolean,
  out changes tidemark.change[], out rows_read int, out rest jsonb
)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
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
      select k from unnest(case registered.scope_kind when 'public' then '{""}' else tidemark.my_keys(registered.scope_kind) end) k
      where place ->> 1 is null or k = place ->> 1 or k collate "C" > place ->> 1 and place ->> 3 is null
      order by k collate "C"
    loop
      if room = 0 then
        return;
      end if;
      scope := case registered.scope_kind when 'public' then 'public' else registered.scope_kind || ':' || key end;
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
        case registered.scope_kind when 'public' then 'true' else format('t.%I = %L', registered.scope_column, key) end,
        case when key = place ->> 1 and place ->> 2 is not null then format('t.%I > %L', registered.key_column, place ->> 2) else 'true' end,
        room
      ) into upsert, n, last_key;
      room := room - n;
      rows_read := rows_read + n;
      rest := jsonb_set(rest, '{0}', jsonb_build_array(registered.table_no, key, last_key, place ->> 3));
      if n > 0 then
        changes := changes || row(scope, registered.name, upsert, '{}')::tidemark.change;
      end if;
    end loop;
    if room = 0 then
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
set search_path = pg_catalog, pg_temp
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
    execute format('select count(*) from %s t where t.deleted_at is null and $1 is null and %s',
      registered.relation::regclass, tidemark.in_my_scopes(registered)
    ) into counted using null::text, tidemark.my_keys(registered.scope_kind);
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
set search_path = pg_catalog, pg_temp
as $$
declare
  asked text := nullif((options -> 'limit')::text, 'null');
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
set search_path = pg_catalog, pg_temp
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
set search_path = pg_catalog, pg_temp
as $$
declare
  present pg_snapshot := tidemark.snapshot_now();
  room int;
  exact boolean;
  tables int[];
  position jsonb;
  paused jsonb := '{}';
  shapes jsonb;
  known jsonb := '{}';
  resumed pg_snapshot;
  held int[] := '{}';
  seen pg_snapshot := present;
  upto pg_snapshot;
  after_xact xid8;
  after_id bigint;
  boot jsonb := '[]';
  done bigint;
  total bigint;
  was_open boolean;
  caught_up boolean := true;
  joined text[] := '{}';
  parted text[] := '{}';
  pages record;
  downloaded tidemark.change[] := '{}';
  table_nos int[] := '{}';
  scopes text[];
  row_ids text[];
  entries bigint := 0;
  more boolean;
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
  exact := tidemark.wants_exact(options);
  select p.tables, p.shapes into tables, shapes
  from tidemark.tables_to_pull(tidemark.text_array(options -> 'tables', 'options.tables')) p;

  begin
    position := nullif("cursor"::jsonb, 'null');
    if position is not null then
      held := array(select jsonb_array_elements_text(position -> 'tables')::int);
      seen := (position ->> 'seen')::pg_snapshot;
      upto := (position ->> 'upto')::pg_snapshot;
      after_xact := (position -> 'after' ->> 0)::xid8;
      after_id := (position -> 'after' ->> 1)::bigint;
      boot := coalesce(position -> 'boot', '[]');
      paused := coalesce(position -> 'paused', '{}');
      known := coalesce(position -> 'shapes', '{}');
      done := (position ->> 'done')::bigint;
      total := (position ->> 'total')::bigint;
      if seen is null or position ->> 'epoch' is null or (position ->> 'at')::timestamptz is null
        or jsonb_typeof(boot) <> 'array' or jsonb_typeof(paused) <> 'object' or jsonb_typeof(known) <> 'object'
        or exists (select from jsonb_array_elements(boot) e where (e ->> 0)::int is null)
        or exists (select from jsonb_each_text(paused) e where e.key::int is null or e.value::pg_snapshot is null)
      then
        raise data_exception;
      end if;
    end if;
  exception when data_exception or invalid_parameter_value then
    perform tidemark.refuse(400, 'malformed', 'cursor: not one that sync_pull gave out', 'Send the last cursor unchanged, or none.');
  end;
  if position is not null then
    if tidemark.cursor_is_lost(position ->> 'epoch', seen, upto, (position ->> 'at')::timestamptz, held) then
      return json_build_object('changes', '[]'::json, 'joined', '[]'::json, 'left', '[]'::json,
        'cursor', null, 'more', true, 'reset', true, 'server_time', now());
    end if;
    caught_up := false;
    -- A table that is asked for again goes on where it was left: the window starts that early for all,
    -- and what the others get twice changes nothing.
    select p.value::pg_snapshot into resumed
    from jsonb_each_text(paused) p
    where p.key::int = any (tables)
    order by pg_snapshot_xmin(p.value::pg_snapshot), pg_snapshot_xmax(p.value::pg_snapshot)
    limit 1;
    if found then
      seen := resumed;
      upto := null;
      after_xact := null;
    end if;
    paused := (
      select coalesce(jsonb_object_agg(p.no, p.at), '{}')
      from (
        select key::int as no, value as at from jsonb_each_text(paused)
        union
        select h.no, seen::text from unnest(held) h (no) where not paused ? h.no::text
      ) p
      where p.no <> all (tables)
    );
  end if;
  was_open := upto is not null;
  if position is null then
    joined := (tidemark.my_scopes())[3:]; -- the shared ones, also those that hold no row yet
  end if;

  -- Tables this cursor does not cover yet, or not as they are now, are downloaded first. One that was
  -- left out in the middle of its download begins again.
  held := array(select h.no from unnest(held) as h (no) where coalesce(known -> h.no::text = shapes -> h.no::text, true));
  boot := (
    select coalesce(jsonb_agg(b.entry order by b.n), '[]')
    from (
      select e.entry, e.n from jsonb_array_elements(boot) with ordinality as e (entry, n)
      where (e.entry ->> 0)::int = any (tables) and (e.entry ->> 0)::int = any (held)
      union all
      select jsonb_build_array(t.no, null, null, null), 1000000 + t.n
      from unnest(tables) with ordinality as t (no, n)
      where t.no <> all (held)
    ) b
  );
  held := tables || array(
    select p::int from jsonb_object_keys(paused) p
    where p::int = any (held) and not exists (select from jsonb_array_elements(position -> 'boot') e where e ->> 0 = p));
  if boot <> '[]' then
    begin
      pages := tidemark.read_pages(boot, room, exact);
      downloaded := pages.changes;
      entries := pages.rows_read;
      boot := pages.rest;
    exception when invalid_text_representation then
      perform tidemark.refuse(400, 'malformed', 'cursor: ' || sqlerrm, 'Send the last cursor unchanged, or none.');
    end;
    room := room - entries;
    if position is null and boot <> '[]' then
      done := 0;
      total := tidemark.count_rows(tables);
    end if;
    done := done + entries;
  end if;

  if boot = '[]' and room > 0 and position is not null then
    if not was_open then
      upto := present;
      after_xact := pg_snapshot_xmin(seen);
      after_id := 0;
      select m.joined, m."left" into joined, parted from tidemark.moves_between_scopes(seen, upto) m;
    end if;
    select p.table_nos, p.scopes, p.row_ids, p.entries, coalesce(p.last_xact, after_xact), coalesce(p.last_id, after_id)
      into table_nos, scopes, row_ids, entries, after_xact, after_id
    from tidemark.log_page(seen, upto, after_xact, after_id, tables, room) p;
    if entries < room then
      seen := upto;
      upto := null;
      after_xact := null;
    end if;
    -- A window that an earlier call opened ends where it ended then: there may be another one by now.
    caught_up := upto is null and not was_open;
    room := room - entries;
    boot := (
      select coalesce(jsonb_agg(jsonb_build_array(t.no, substr(s.scope, strpos(s.scope, ':') + 1), null, true) order by s.scope, t.n), '[]')
      from unnest(joined) as s (scope)
      join unnest(tables) with ordinality as t (no, n)
        on (tidemark.table_by_no(t.no)).scope_kind = split_part(s.scope, ':', 1)
    );
    if boot <> '[]' and room > 0 then
      pages := tidemark.read_pages(boot, room, exact);
      downloaded := downloaded || pages.changes;
      boot := pages.rest;
    end if;
  end if;

  more := boot <> '[]' or not caught_up;
  next_cursor := jsonb_strip_nulls(jsonb_build_object(
    'epoch', tidemark.epoch(),
    -- not now(): whatever this call saw was written before this instant
    'at', clock_timestamp() + case when pg_is_in_recovery() then interval '1 minute' else interval '0' end,
    'tables', to_jsonb(held),
    'shapes', known || shapes,
    'paused', nullif(paused, '{}'),
    'seen', seen,
    'upto', upto,
    'after', case when after_xact is not null then jsonb_build_array(after_xact, after_id) end,
    'boot', nullif(boot, '[]'),
    'done', case when boot <> '[]' then done end,
    'total', case when boot <> '[]' then total end
  ));
  if cardinality(table_nos) > 0 then
    downloaded := tidemark.read_entries(tables, table_nos, scopes, row_ids, exact) || downloaded;
  end if;
  if total is null then
    return json_build_object('changes', coalesce(downloaded, '{}'), 'joined', joined, 'left', parted,
      'cursor', next_cursor, 'more', more, 'server_time', now());
  end if;
  return json_build_object('changes', coalesce(downloaded, '{}'), 'joined', joined, 'left', parted,
    'cursor', next_cursor, 'more', more, 'server_time', now(),
    'progress', json_build_object('done', done, 'total', greatest(done, total)));
end
$$;
comment on function public.sync_pull(uuid, json, json) is
  'What is new for this device since its cursor: {changes, joined, left, cursor, more, reset?, progress?, server_time}. Call again at once while more is true.';
