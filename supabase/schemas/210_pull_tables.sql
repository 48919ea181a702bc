-- What a pull covers: the synced tables that a caller asks for and may read, parents first. Verification, conflicts and
-- new ids find their tables here too.

-- Registered tables, parents first. Refuses the first name that is not registered; `path` says where the caller has it:
-- %s is its place, from 0.
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
  select asked.name, asked.place into unknown
  from unnest(names) with ordinality as asked (name, place)
  where not exists (select from tidemark.live_tables registered where registered.name = asked.name)
  order by asked.place
  limit 1;
  if found then
    perform tidemark.raise_api_error(400, 'malformed',
      format(path, unknown.place - 1) || format(': "%s" is not synced', unknown.name),
      'Run select tidemark.add_table(…) in a migration, or leave the table out.');
  end if;
  return query
    select registered.*
    from tidemark.live_tables registered
    join tidemark.table_ranks() ranks using (table_no)
    where names is null or registered.name = any (names)
    order by ranks.rank, registered.table_no;
end
$$;

-- The tables that a pull covers. A table that the caller has no grant to read is left out, so that the others can be
-- pulled.
-- shapes: a hash of the columns of each table, by table_no. It changes when a column that the caller may read is added,
-- dropped, renamed or retyped: no trigger fires then, so devices download such a table again.
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
  select
      coalesce(array_agg(covered.table_no order by covered.n), '{}'),
      coalesce(jsonb_object_agg(covered.table_no, covered.shape), '{}')
    into tables, shapes
  from (
    select asked.table_no, asked.n, (
      select hashtext(string_agg(
        concat_ws(' ', attribute.attname, attribute.atttypid, attribute.atttypmod), ',' order by attribute.attnum))
      from pg_catalog.pg_attribute attribute
      where attribute.attrelid = asked.relation and attribute.attnum > 0 and not attribute.attisdropped
        and (asked.whole or has_column_privilege(asked.relation, attribute.attnum, 'select'))
    ) as shape
    from (
      select registered.*, has_table_privilege(registered.relation, 'select') as whole
      from tidemark.tables_by_name(names, path) with ordinality as registered (
        table_no, name, schema_name, table_name, key_column, key_type, scope_kind, scope_column,
        conflict, columns, relation, n)
    ) asked
    where has_schema_privilege(asked.schema_name, 'usage')
      and (asked.whole or (
        select bool_and(has_column_privilege(asked.relation, needed.name, 'select'))
        from unnest(
          array[asked.key_column, coalesce(asked.scope_column, asked.key_column), 'version', 'deleted_at']
        ) as needed (name)))
  ) covered;
end
$$;
