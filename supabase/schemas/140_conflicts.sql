-- Conflicts that wait for a person. Push parks them here; sync_conflicts and sync_resolve (330_resolve.sql) show and
-- decide them; tidemark.add_table and tidemark.purge keep or close them.

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
  chosen jsonb, -- the row that the user wrote to decide it
  constraint a_resolution_has_an_instant check ((resolved_at is null) = (resolution is null)),
  constraint only_a_row_is_chosen check (chosen is null or resolution = 'row'),
  constraint a_deleting_conflict_has_no_columns check ((op = 'delete') = (client is null))
);
comment on table tidemark.sync_conflicts is
  'Edits that wait for a person: both versions, the base, the overlap, an analysis.';
create index sync_conflicts_open on tidemark.sync_conflicts (user_id) where resolved_at is null;

-- The latest change of a row by another device or user.
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
    select jsonb_build_object(
      'edited_at', coalesce(entry.edited_at, entry.at), 'user_id', entry.user_id, 'device_id', entry.device_id)
    from (
      select logged.*
      from tidemark.sync_changes logged
      where
        hashtextextended(logged.row_id, logged.table_no) = hashtextextended(last_change.row_id, last_change.table_no)
        and logged.row_id = last_change.row_id and logged.table_no = last_change.table_no
        and logged.device_id is distinct from device
      offset 0 -- through the index of histories, not that by scope
    ) entry
    where entry.scope = any (scopes)
    order by entry.version desc
    limit 1
  );
end
$$;

-- Describes a conflict for the person who decides it: when each side was edited, by which user on which device, which
-- columns of which kind, a suggestion, and the confidence in it (0 to 1). Confidence is higher when one user is on both
-- sides, when the edits lie far apart, and when the values can be combined.
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
      coalesce(jsonb_object_agg(field.name, field.kind) filter (where field.name is not null), '{}') as kinds,
      coalesce(bool_and(field.kind in ('array', 'object')), false) as combinable,
      jsonb_object_agg(field.name, tidemark.resolve_column(
        'merge', server -> field.name, client -> field.name, base -> field.name, facts.client_is_newer
      )) filter (where field.name is not null) as merged
    from facts
    left join lateral (
      select n as name, coalesce(jsonb_typeof(client -> n), 'null') as kind from unnest(columns) n
    ) field on true
  )
  select jsonb_build_object(
    'temporal', jsonb_build_object('client_edited_at', edited_at, 'server_edited_at', facts.server_edited_at,
      'newer', case when facts.client_is_newer then 'client' else 'server' end, 'seconds_apart', facts.apart),
    'structural', jsonb_build_object('columns', to_jsonb(columns), 'kinds', details.kinds, 'deletes', client is null),
    'semantic', jsonb_build_object('combinable', details.combinable),
    'user', jsonb_build_object('same_user', facts.same_user, 'client_user', client_user, 'client_device', client_device,
      'server_user', other ->> 'user_id', 'server_device', other ->> 'device_id'),
    'confidence', round((least(1.0,
      0.4
      + case when facts.same_user then 0.3 else 0 end
      + least(0.2, facts.apart / 18000)
      + case when details.combinable then 0.1 else 0 end))::numeric, 2),
    'suggested', case
      when client is null then jsonb_build_object('take', 'server')
      when details.combinable then jsonb_build_object('row', details.merged)
      else jsonb_build_object('take', case when facts.client_is_newer then 'client' else 'server' end) end
  )
  from facts cross join details
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
    table_no, row_id, user_id, device_id, seq, op, columns,
    client, server, base, base_version, server_version, edited_at, analysis
  )
  values (
    park_conflict.table_no, park_conflict.row_id, auth.uid(), device, park_conflict.seq, park_conflict.op,
    park_conflict.columns,
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

-- Conflicts that still wait. A conflict whose row was deleted, or whose columns changed again, has closed by itself:
-- there is nothing left to decide. (tidemark.purge records that before it deletes the log entry.) A conflict of a table
-- that was dropped has closed as well. With of_table, only the conflicts of that number, whether its table is there
-- or not: tidemark.add_table asks when a table gets another number.
create function tidemark.waiting_conflicts(of_table int default null)
returns setof tidemark.sync_conflicts
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return query
    select conflict.*
    from tidemark.sync_conflicts conflict
    where conflict.resolved_at is null
      and case when of_table is not null then conflict.table_no = of_table
        else conflict.table_no in (select registered.table_no from tidemark.live_tables registered) end
      and not exists (
        select from tidemark.sync_changes entry
        where hashtextextended(entry.row_id, entry.table_no) = hashtextextended(conflict.row_id, conflict.table_no)
          and entry.row_id = conflict.row_id and entry.table_no = conflict.table_no
          and entry.version > conflict.server_version
          and (entry.op = 'delete' or conflict.columns && entry.columns)
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

-- A conflict of the caller that was decided in exactly this way: a caller who asks again did not receive the answer.
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
