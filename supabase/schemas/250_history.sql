-- What a push needs to know about rows before it touches them, and the caller may not read: the log, and tombstones
-- that the app's SELECT policy hides. Both only within the caller's scopes, so neither says anything about other
-- people's rows.

-- Locks the named rows in key order, so that nothing changes between looking and writing, and two
-- pushes cannot wait for each other.
create function tidemark.lock_rows(table_no int, ids text[])
returns table (row_id text, version bigint, deleted boolean)
language plpgsql
volatile
security definer -- sees tombstones that the caller's policies hide, in the caller's scopes only
set search_path = pg_catalog, pg_temp
as $$
declare
  registered tidemark.live_tables := tidemark.table_by_no(table_no);
begin
  return query execute format(
    'select t.%1$I::text, t.version, t.deleted_at is not null
     from %2$s t
     where t.%1$I = any ($1::%3$s[]) and %4$s = any ($2)
     order by t.%1$I
     for no key update',
    registered.key_column, registered.relation::regclass, registered.key_type,
    tidemark.scope_expression(registered)
  ) using ids, tidemark.my_scopes();
end
$$;

-- What changed in rows, by others than this device, between the given versions and those of now:
--   columns     {column: instant}, by the names of today; an entry of the log has the names of its time
--   everything  when the row itself was made, or a column was changed that is not there any more
--   complete    false where the log no longer, or not yet, reaches back to the version: then every column counts as
--               changed
--   beside      true where a push of this device changed the row without naming it, by a cascade or a trigger: that
--               overrules nothing, but the device does not know of it
--   own         {column: instant} of what this device edited later than the given instants: it repeats an older edit,
--               which had been refused
create function tidemark.changed_since(
  table_no int, ids text[], versions bigint[], versions_now bigint[], device uuid, edited_at timestamptz[] default null
)
returns table (row_id text, complete boolean, columns jsonb, everything timestamptz, beside boolean, own jsonb)
language plpgsql
stable
security definer -- reads the log, in the caller's scopes only
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
declare
  renamed jsonb;
  known text[];
  scopes text[] := tidemark.my_scopes();
begin
  -- {name at the time: name now, null where it was dropped}, without those that are the same
  select jsonb_object_agg(naming.key, attribute.attname) filter (where attribute.attname is distinct from naming.key),
      array_agg(naming.key) || array(
        select attribute_now.attname::text from pg_catalog.pg_attribute attribute_now
        where attribute_now.attrelid = min(live.relation) and attribute_now.attnum > 0
          and not attribute_now.attisdropped)
    into renamed, known
  from tidemark.live_tables live
  join tidemark.sync_tables registered on registered.table_no = live.table_no and registered.numbers_of = live.relation
  cross join lateral jsonb_each_text(registered.column_numbers) naming
  left join pg_catalog.pg_attribute attribute
    on attribute.attrelid = live.relation and attribute.attnum = naming.value::int and not attribute.attisdropped
  where live.table_no = changed_since.table_no;
  return query
    with entries as (
      select
        asked.row_id, asked.version as since, asked.version_now,
        entry.version, entry.op, entry.columns, entry.device_id,
        coalesce(entry.edited_at, entry.at) as edited_at,
        entry.device_id = device and entry.edited_at is null as beside,
        entry.device_id is not distinct from device and entry.edited_at > asked.edited_at as own
      from unnest(ids, versions, versions_now, changed_since.edited_at)
        as asked (row_id, version, version_now, edited_at)
      -- Row by row through the index of histories; the index by scope would read the scope once a row.
      left join lateral (
        select logged.*
        from tidemark.sync_changes logged
        where hashtextextended(logged.row_id, logged.table_no) = hashtextextended(asked.row_id, changed_since.table_no)
          and logged.row_id = asked.row_id
          and logged.table_no = changed_since.table_no
          and logged.version > asked.version
        offset 0
      ) entry on entry.scope = any (scopes)
    ),
    reach as (
      select entry.row_id,
        count(distinct entry.version) filter (where entry.version <= entry.version_now)
          = entry.version_now - entry.since as complete,
        max(entry.edited_at) filter (
          where entry.op in ('insert', 'update') and entry.device_id is distinct from device
            and (entry.columns is null or not entry.columns <@ known)
        ) as everything,
        coalesce(bool_or(entry.beside), false) as beside
      from entries entry
      group by entry.row_id, entry.since, entry.version_now
    ),
    latest as (
      select changed.row_id,
        jsonb_object_agg(changed.name, changed.edited_at) filter (where not changed.own) as columns,
        jsonb_object_agg(changed.name, changed.edited_at) filter (where changed.own) as own
      from (
        select entry.row_id, entry.own, changed.name, max(entry.edited_at) as edited_at
        from entries entry
        cross join lateral unnest(
          entry.columns || case when renamed is not null then array(
            select renamed ->> old_name from unnest(entry.columns) old_name) end
        ) as changed (name)
        where changed.name is not null and (entry.own or entry.device_id is distinct from device)
        group by entry.row_id, entry.own, changed.name
      ) changed
      group by changed.row_id
    )
    select
      reach.row_id, coalesce(reach.complete, false), coalesce(latest.columns, '{}'), reach.everything, reach.beside,
      coalesce(latest.own, '{}')
    from reach
    left join latest using (row_id);
end
$$;
