-- What a pull covers: the synced tables that a caller asks for and may read, parents first. Verification, conflicts and
-- new ids find their tables here too.

-- Registered tables, parents first. The first name that is not registered is refused, as `path` says where
-- the caller has it: %s is its place, from 0.
create function tidemark.tables_by_name(names text[], path text default 'tables[%s]')
returns setof tidemark.live_tables
language plpgsql
stable
security definer -- reads the registry
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
declare
  unknown record;
begin
  select n.name, n.place into unknown
  from unnest(names) with ordinality as n (name, place)
  where not exists (select from tidemark.live_tables t where t.name = n.name)
  order by n.place
  limit 1;
  if found then
    perform tidemark.raise_api_error(400, 'malformed',
      format(path, unknown.place - 1) || format(': "%s" is not synced', unknown.name),
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
create function tidemark.tables_to_pull(
  names text[], path text default 'tables[%s]', out tables int[], out shapes jsonb
)
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
      from tidemark.tables_by_name(names, path) with ordinality as r (
        table_no, name, schema_name, table_name, key_column, key_type, scope_kind, scope_column,
        conflict, columns, relation, n)
    ) t
    where has_schema_privilege(t.schema_name, 'usage')
      and (t.whole or (
        select bool_and(has_column_privilege(t.relation, c.name, 'select'))
        from unnest(array[t.key_column, coalesce(t.scope_column, t.key_column), 'version', 'deleted_at']) as c (name)))
  ) p;
end
$$;
