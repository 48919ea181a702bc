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
  select jsonb_object_agg(n.key, a.attname) filter (where a.attname is distinct from n.key),
      array_agg(n.key) || array(
        select c.attname::text from pg_catalog.pg_attribute c
        where c.attrelid = min(l.relation) and c.attnum > 0 and not c.attisdropped)
    into renamed, known
  from tidemark.live_tables l
  join tidemark.sync_tables t on t.table_no = l.table_no and t.numbers_of = l.relation
  cross join lateral jsonb_each_text(t.column_numbers) n
  left join pg_catalog.pg_attribute a on a.attrelid = l.relation and a.attnum = n.value::int and not a.attisdropped
  where l.table_no = changed_since.table_no;
  return query
    with entries as (
      select w.row_id, w.version as since, w.version_now, c.version, c.op, c.columns, c.device_id,
        coalesce(c.edited_at, c.at) as edited_at,
        c.device_id = device and c.edited_at is null as beside,
        c.device_id is not distinct from device and c.edited_at > w.edited_at as own
      from unnest(ids, versions, versions_now, changed_since.edited_at) as w (row_id, version, version_now, edited_at)
      -- Row by row through the index of histories; the index by scope would read the scope once a row.
      left join lateral (
        select l.*
        from tidemark.sync_changes l
        where hashtextextended(l.row_id, l.table_no) = hashtextextended(w.row_id, changed_since.table_no)
          and l.row_id = w.row_id
          and l.table_no = changed_since.table_no
          and l.version > w.version
        offset 0
      ) c on c.scope = any (scopes)
    ),
    reach as (
      select e.row_id,
        count(distinct e.version) filter (where e.version <= e.version_now) = e.version_now - e.since as complete,
        max(e.edited_at) filter (
          where e.op in ('insert', 'update') and e.device_id is distinct from device
            and (e.columns is null or not e.columns <@ known)
        ) as everything,
        coalesce(bool_or(e.beside), false) as beside
      from entries e
      group by e.row_id, e.since, e.version_now
    ),
    latest as (
      select c.row_id,
        jsonb_object_agg(c.name, c.edited_at) filter (where not c.own) as columns,
        jsonb_object_agg(c.name, c.edited_at) filter (where c.own) as own
      from (
        select e.row_id, e.own, k.name, max(e.edited_at) as edited_at
        from entries e
        cross join lateral unnest(
          e.columns || case when renamed is not null then array(select renamed ->> c from unnest(e.columns) c) end
        ) as k (name)
        where k.name is not null and (e.own or e.device_id is distinct from device)
        group by e.row_id, e.own, k.name
      ) c
      group by c.row_id
    )
    select
      r.row_id, coalesce(r.complete, false), coalesce(l.columns, '{}'), r.everything, r.beside, coalesce(l.own, '{}')
    from reach r
    left join latest l using (row_id);
end
$$;
