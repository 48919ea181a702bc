-- Conflicts: what to do with columns that two sides changed. A column's own rule comes first, then
-- the table's policy. Rules that compute a value (union, sum, …) lose nothing; those that choose one
-- side report the column as lost. What nobody can decide here (manual) waits in tidemark.sync_conflicts.

create table tidemark.sync_conflicts (
  conflict_id uuid primary key default gen_random_uuid(),
  table_no int not null,
  row_id text not null,
  user_id uuid not null,
  device_id uuid,
  seq bigint,
  op text not null,
  columns text[] not null, -- the overlap; empty for a delete
  client jsonb, -- what the device wanted in these columns; null for a delete
  server jsonb not null, -- the row it met
  base jsonb, -- these columns before the device's edit, where it sent them
  base_version bigint,
  server_version bigint not null,
  edited_at timestamptz not null,
  analysis jsonb not null,
  created_at timestamptz not null default now(),
  resolved_at timestamptz,
  resolution text,
  chosen jsonb, -- the row that somebody wrote to decide it
  constraint a_resolution_has_an_instant check ((resolved_at is null) = (resolution is null)),
  constraint only_a_row_is_chosen check (chosen is null or resolution = 'row'),
  constraint a_deleting_conflict_has_no_columns check ((op = 'delete') = (client is null))
);
comment on table tidemark.sync_conflicts is 'Edits that wait for a person: both versions, the base, the overlap, an analysis.';
create index sync_conflicts_open on tidemark.sync_conflicts (user_id) where resolved_at is null;
alter table tidemark.sync_conflicts enable row level security;

-- Arrays as sets of whole elements, in the server's order, then the client's additions. With the value
-- before the edit, what the edit removed is removed.
create function tidemark.merge_sets(server jsonb, client jsonb, old jsonb)
returns jsonb
language sql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $$
  with
  s as (
    select e.item, min(e.place) as place
    from jsonb_array_elements(case jsonb_typeof(server) when 'array' then server else '[]' end) with ordinality as e (item, place)
    group by e.item
  ),
  c as (
    select e.item, min(e.place) as place
    from jsonb_array_elements(case jsonb_typeof(client) when 'array' then client else '[]' end) with ordinality as e (item, place)
    group by e.item
  ),
  o as (
    select distinct e.item
    from jsonb_array_elements(case jsonb_typeof(old) when 'array' then old else '[]' end) as e (item)
  )
  select coalesce(jsonb_agg(u.item order by u.side, u.place), '[]')
  from (
    select s.item, 1 as side, s.place from s
    where s.item in (select c.item from c) or s.item not in (select o.item from o)
    union all
    select c.item, 2, c.place from c
    where c.item not in (select s.item from s) and c.item not in (select o.item from o)
  ) u
$$;

-- Objects key by key, at any depth; where both sides changed a leaf, the newer edit stays.
create function tidemark.merge_deep(server jsonb, client jsonb, old jsonb, client_is_newer boolean)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if jsonb_typeof(server) = 'object' and jsonb_typeof(client) = 'object' then
    return (
      select coalesce(jsonb_object_agg(m.key, m.value) filter (where m.value is not null), '{}')
      from (
        select k.key, case
          -- removed here, or there, since the edit began
          when not client ? k.key and old ? k.key and old -> k.key = server -> k.key then null
          when not server ? k.key and old ? k.key and old -> k.key = client -> k.key then null
          when not client ? k.key then server -> k.key
          when not server ? k.key then client -> k.key
          else tidemark.merge_deep(server -> k.key, client -> k.key, old -> k.key, client_is_newer)
        end as value
        from (select jsonb_object_keys(server) union select jsonb_object_keys(client)) as k (key)
      ) m
    );
  elsif server = client or old is not null and old = client then
    return server;
  elsif old is not null and old = server or client_is_newer then
    return client;
  end if;
  return server;
end
$$;

-- One column that both sides changed, by its rule. Values as jsonb; old is null where the device did
-- not send it. Which value is greater is the column's type to say (null: it has no order, and texts are
-- compared). Null means undecided.
create function tidemark.resolve_column(
  rule text, server jsonb, client jsonb, old jsonb, client_is_newer boolean, client_is_greater boolean default null
)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
declare
  resolved jsonb;
begin
  if rule = 'merge' then
    rule := case
      when jsonb_typeof(server) = 'array' and jsonb_typeof(client) = 'array' then 'union'
      when jsonb_typeof(server) = 'object' and jsonb_typeof(client) = 'object' then 'deep'
      else 'newest' end;
  end if;
  case
    when rule in ('newest', 'last_write_wins') then
      resolved := case when client_is_newer then client else server end;
    when rule in ('client', 'client_wins') then
      resolved := client;
    when rule in ('server', 'server_wins') then
      resolved := server;
    when rule = 'union' then
      resolved := tidemark.merge_sets(server, client, old);
    when rule = 'deep' then
      resolved := tidemark.merge_deep(server, client, old, client_is_newer);
    when rule in ('sum', 'max', 'min') and coalesce(server, 'null') = 'null' then
      -- a missing side counts as nothing there
      resolved := client;
    when rule in ('sum', 'max', 'min') and coalesce(client, 'null') = 'null' then
      resolved := server;
    when rule = 'sum' then
      resolved := to_jsonb((server #>> '{}')::numeric + (client #>> '{}')::numeric
        - case when jsonb_typeof(old) in ('number', 'string') then (old #>> '{}')::numeric else 0 end);
    when rule in ('max', 'min') then
      resolved := case
        when coalesce(client_is_greater, (client #>> '{}') collate "C" > server #>> '{}') = (rule = 'max') then client
        else server end;
    when rule like 'function:%' then
      execute format('select %s($1, $2, $3)', tidemark.function_name(substr(rule, 10)))
        into resolved using server, client, old;
    else
      return null;
  end case;
  return coalesce(resolved, 'null');
end
$$;

-- Whether the device's value is not, or not wholly, in what a rule made of it.
create function tidemark.is_overruled(rule text, server jsonb, client jsonb, old jsonb, resolved jsonb)
returns boolean
language sql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $$
  select case
    when resolved is null or client = resolved then false
    when rule = 'sum' then client = 'null'
    when rule in ('union', 'merge') and jsonb_typeof(client) = 'array' and jsonb_typeof(server) = 'array' then false
    when rule in ('deep', 'merge') and jsonb_typeof(client) = 'object' and jsonb_typeof(server) = 'object'
      then tidemark.merge_deep(server, client, old, true) <> resolved
    else resolved = server end
$$;

-- A function named in a policy or rule, quoted; it is looked up under the search_path below.
create function tidemark.function_name(name text)
returns text
language sql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $$
  select string_agg(quote_ident(part), '.') from unnest(parse_ident(name)) part
$$;

-- What there is to say about a conflict: when each side was edited, which columns of which kind, who
-- and on which device, and how sure one can be of the suggestion (0 to 1): more when one person is on
-- both sides, when the edits lie far apart, when the values can be combined.
create function tidemark.analyse_conflict(
  columns text[], client jsonb, server jsonb, base jsonb, edited_at timestamptz,
  client_user uuid, client_device uuid, other jsonb
)
returns jsonb
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
  with
  facts as (
    select
      (other ->> 'edited_at')::timestamptz as server_edited_at,
      coalesce(edited_at >= (other ->> 'edited_at')::timestamptz, true) as client_is_newer,
      coalesce(abs(extract(epoch from edited_at - (other ->> 'edited_at')::timestamptz)), 0) as apart,
      coalesce(other ->> 'user_id' = client_user::text, false) as same_user
  ),
  details as (
    select
      coalesce(jsonb_object_agg(c.name, c.kind) filter (where c.name is not null), '{}') as kinds,
      coalesce(bool_and(c.kind in ('array', 'object')), false) as combinable,
      jsonb_object_agg(c.name, tidemark.resolve_column('merge', server -> c.name, client -> c.name, base -> c.name, f.client_is_newer))
        filter (where c.name is not null) as merged
    from facts f
    left join lateral (
      select n as name, coalesce(jsonb_typeof(client -> n), 'null') as kind from unnest(columns) n
    ) c on true
  )
  select jsonb_build_object(
    'temporal', jsonb_build_object('client_edited_at', edited_at, 'server_edited_at', f.server_edited_at,
      'newer', case when f.client_is_newer then 'client' else 'server' end, 'seconds_apart', f.apart),
    'structural', jsonb_build_object('columns', to_jsonb(columns), 'kinds', d.kinds, 'deletes', client is null),
    'semantic', jsonb_build_object('combinable', d.combinable),
    'user', jsonb_build_object('same_user', f.same_user, 'client_user', client_user, 'client_device', client_device,
      'server_user', other ->> 'user_id', 'server_device', other ->> 'device_id'),
    'confidence', round((least(1.0,
      0.4 + case when f.same_user then 0.3 else 0 end + least(0.2, f.apart / 18000) + case when d.combinable then 0.1 else 0 end))::numeric, 2),
    'suggested', case
      when client is null then jsonb_build_object('take', 'server')
      when d.combinable then jsonb_build_object('row', d.merged)
      else jsonb_build_object('take', case when f.client_is_newer then 'client' else 'server' end) end
  )
  from facts f cross join details d
$$;

-- The latest change of a row by somebody else than this device.
create function tidemark.last_change(table_no int, row_id text, device uuid)
returns jsonb
language plpgsql
stable
security definer -- reads the log, in the caller's scopes only
set search_path = pg_catalog, pg_temp
as $$
declare
  scopes text[] := tidemark.my_scopes();
begin
  return (
    select jsonb_build_object('edited_at', coalesce(c.edited_at, c.at), 'user_id', c.user_id, 'device_id', c.device_id)
    from (
      select l.*
      from tidemark.sync_changes l
      where hashtextextended(l.row_id, l.table_no) = hashtextextended(last_change.row_id, last_change.table_no)
        and l.row_id = last_change.row_id and l.table_no = last_change.table_no
        and l.device_id is distinct from device
      offset 0 -- through the index of histories, not that by scope
    ) c
    where c.scope = any (scopes)
    order by c.version desc
    limit 1
  );
end
$$;

create function tidemark.park_conflict(
  table_no int, row_id text, device uuid, seq bigint, op text, columns text[],
  client jsonb, server jsonb, base jsonb, base_version bigint, edited_at timestamptz
)
returns uuid
language sql
volatile
security definer -- writes a conflict of the caller's
set search_path = pg_catalog, pg_temp
as $$
  insert into tidemark.sync_conflicts (
    table_no, row_id, user_id, device_id, seq, op, columns, client, server, base, base_version, server_version, edited_at, analysis
  )
  values (
    park_conflict.table_no, park_conflict.row_id, auth.uid(), device, park_conflict.seq, park_conflict.op, park_conflict.columns,
    park_conflict.client, park_conflict.server, park_conflict.base, park_conflict.base_version,
    (park_conflict.server ->> 'version')::bigint, park_conflict.edited_at,
    tidemark.analyse_conflict(
      park_conflict.columns, park_conflict.client, park_conflict.server, park_conflict.base, park_conflict.edited_at,
      auth.uid(), device, coalesce(
        tidemark.last_change(park_conflict.table_no, park_conflict.row_id, device),
        jsonb_build_object('edited_at', park_conflict.server -> 'updated_at')))
  )
  returning conflict_id
$$;

-- Conflicts that still wait. One whose row was deleted, or whose columns changed again, has closed by
-- itself: there is nothing left to decide. (tidemark.purge writes that down before the log forgets it.) So has
-- one of a table that is gone: nobody could decide it. Those of one table are asked for when it moves to another
-- number, whether it is there by its name or not.
create function tidemark.waiting_conflicts(of_table int default null)
returns setof tidemark.sync_conflicts
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
    select k.*
    from tidemark.sync_conflicts k
    where k.resolved_at is null
      and case when of_table is not null then k.table_no = of_table
        else k.table_no in (select t.table_no from tidemark.live_tables t) end
      and not exists (
        select from tidemark.sync_changes c
        where hashtextextended(c.row_id, c.table_no) = hashtextextended(k.row_id, k.table_no)
          and c.row_id = k.row_id and c.table_no = k.table_no
          and c.version > k.server_version
          and (c.op = 'delete' or k.columns && c.columns)
      );
end
$$;

create function tidemark.open_conflicts()
returns setof tidemark.sync_conflicts
language plpgsql
stable
security definer -- reads the caller's own conflicts
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
    select k.* from tidemark.waiting_conflicts() k where k.user_id = auth.uid();
end
$$;

-- A conflict that was decided in just this way: whoever asks again has not had the answer.
create function tidemark.decided_conflict(id uuid, how text, wanted jsonb)
returns setof tidemark.sync_conflicts
language plpgsql
stable
security definer -- reads the caller's own conflicts
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
    select k.* from tidemark.sync_conflicts k
    where k.conflict_id = id and k.user_id = auth.uid()
      and k.resolution = how and k.chosen is not distinct from wanted;
end
$$;

create function tidemark.close_conflict(id uuid, how text, wanted jsonb)
returns void
language sql
volatile
security definer -- writes a conflict of the caller's
set search_path = pg_catalog, pg_temp
as $$
  update tidemark.sync_conflicts k
  set resolved_at = now(), resolution = how, chosen = wanted
  where k.conflict_id = id and k.user_id = auth.uid() and k.resolved_at is null
$$;

create function public.sync_conflicts()
returns json
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  tables int[];
begin
  perform tidemark.require_user();
  tables := (tidemark.tables_to_pull(null)).tables;
  return (
    select coalesce(json_agg(json_build_object(
      'conflict_id', k.conflict_id, 'table', (tidemark.table_by_no(k.table_no)).name, 'id', k.row_id, 'op', k.op,
      'columns', k.columns, 'client', k.client, 'server', k.server, 'base', k.base,
      'base_version', k.base_version, 'server_version', k.server_version,
      'device_id', k.device_id, 'edited_at', k.edited_at, 'created_at', k.created_at, 'analysis', k.analysis
    ) order by k.created_at, k.conflict_id), '[]'::json)
    from tidemark.open_conflicts() k
    -- not of a row that the caller no longer sees, nor of a table that is gone or closed: the case keeps
    -- such a table from being read
    where case when k.table_no = any (tables)
      then exists (select from tidemark.row_states(tidemark.table_by_no(k.table_no), array[k.row_id])) end
  );
end
$$;
comment on function public.sync_conflicts() is
  'The caller''s open conflicts: [{conflict_id, table, id, op, columns, client, server, base, base_version, server_version, device_id, edited_at, created_at, analysis}], oldest first.';

-- Ready-made functions for 'function:tidemark.<name>'.
create function tidemark.notification_resolver(server jsonb, client jsonb, old jsonb, context jsonb)
returns jsonb
language sql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $$
  -- Read stays read, on whichever device it was read; everything else, a delete too, is the newer edit's.
  select case when client is null then case when (context ->> 'client_is_newer')::boolean then null else server end
    else case when (context ->> 'client_is_newer')::boolean then client else server end
    || case when server ? 'read' then jsonb_build_object('read', server -> 'read' = 'true' or client -> 'read' = 'true') else '{}' end
    || case when server ? 'read_at' then jsonb_build_object('read_at', least(server ->> 'read_at', client ->> 'read_at')) else '{}' end
    || case when server ->> 'status' = 'read' or client ->> 'status' = 'read' then '{"status":"read"}'::jsonb else '{}' end end
$$;
comment on function tidemark.notification_resolver(jsonb, jsonb, jsonb, jsonb) is 'Conflict policy for notifications: read (column read, read_at or status) wins, the rest is the newer edit''s.';

create function tidemark.project_resolver(server jsonb, client jsonb, old jsonb, context jsonb)
returns jsonb
language sql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
  -- Lists are united, objects merged key by key, single values the newer edit's; an edit beats a delete.
  select case when client is null then server else jsonb_object_agg(k, tidemark.resolve_column('merge', server -> k, client -> k, old -> k, (context ->> 'client_is_newer')::boolean)) end
  from jsonb_array_elements_text(context -> 'columns') k
$$;
comment on function tidemark.project_resolver(jsonb, jsonb, jsonb, jsonb) is 'Conflict policy for projects: lists united, objects merged, single values the newer edit''s.';

create function tidemark.settings_resolver(server jsonb, client jsonb, old jsonb, context jsonb)
returns jsonb
language sql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $$
  -- A person's own settings: what was set last on the device in hand, key by key.
  select jsonb_object_agg(k, tidemark.merge_deep(server -> k, client -> k, old -> k, true))
  from jsonb_array_elements_text(context -> 'columns') k
$$;
comment on function tidemark.settings_resolver(jsonb, jsonb, jsonb, jsonb) is 'Conflict policy for settings: the device in hand wins, objects merged key by key.';
