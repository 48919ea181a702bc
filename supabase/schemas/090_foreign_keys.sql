-- Foreign keys as SQL conditions. Deletes (100_deletes.sql), push (refuse_orphans) and tidemark.purge ask which rows
-- point at a row.

-- Foreign keys, and their condition between tidemark_parent and tidemark_child: compared as the constraint does,
-- by its own operators and in the parent's collation. Another = may say something else of the same values
-- (citext), and there may be none in pg_catalog. The copies that a partitioned parent makes are left out.
create view tidemark.foreign_keys with (security_invoker = true) as
select
  k.conname as name, k.conrelid as child, k.confrelid as parent, k.confdeltype as action,
  pairs.pairing, pairs.columns, pairs.reset
from pg_catalog.pg_constraint k
cross join lateral (
  select
    string_agg(
      format('tidemark_parent.%I%s operator(%I.%s) tidemark_child.%I',
        pa.attname, case when l.oid is not null then format(' collate %I.%I', cn.nspname, l.collname) end,
        n.nspname, o.oprname, ca.attname),
      ' and ') as pairing,
    array_agg(ca.attname::text) as columns,
    -- what SET NULL and SET DEFAULT set
    array_agg(ca.attname) filter (where k.confdelsetcols is null or ca.attnum = any (k.confdelsetcols)) as reset
  from unnest(k.conkey, k.confkey, k.conpfeqop) as c (child_attnum, parent_attnum, operator)
  join pg_catalog.pg_attribute ca on ca.attrelid = k.conrelid and ca.attnum = c.child_attnum
  join pg_catalog.pg_attribute pa on pa.attrelid = k.confrelid and pa.attnum = c.parent_attnum
  join pg_catalog.pg_operator o on o.oid = c.operator
  join pg_catalog.pg_namespace n on n.oid = o.oprnamespace
  left join pg_catalog.pg_collation l on l.oid = pa.attcollation
  left join pg_catalog.pg_namespace cn on cn.oid = l.collnamespace
) pairs
where k.contype = 'f' and k.conparentid = 0;
comment on view tidemark.foreign_keys is 'Foreign keys with their conditions in SQL.';

-- A relation with the triggers of a synced table, which may have another name than the registry knows: its
-- number, its key, and as SQL the scope of tidemark_row.
create function tidemark.synced_table_info(
  relation oid, out table_no int, out key_column name, out key_type text, out scope text
)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
  select t.table_no, n.names[1], format_type(tidemark.base_type(key.atttypid), -1),
      case when t.scope_kind = 'public' then quote_literal('public')
        else format('%L || tidemark_row.%I', t.scope_kind || ':', n.names[2]) end
    into table_no, key_column, key_type, scope
  from pg_catalog.pg_trigger g
  join tidemark.sync_tables t on t.table_no = split_part(encode(g.tgargs, 'escape'), '\000', 1)::int
  cross join lateral (
    select tidemark.current_column_names(g.tgrelid, t.table_no, t.key_column, coalesce(t.scope_column, '')) offset 0
  ) as n (names)
  join pg_catalog.pg_attribute key on key.attrelid = g.tgrelid and key.attname = n.names[1] and not key.attisdropped
  where g.tgrelid = synced_table_info.relation and g.tgname = 'tidemark_deleted';
end
$$;

-- As SQL, whether a parent of tidemark_child is not there whose foreign key cascades. Null where it has none.
create function tidemark.parent_gone(child oid)
returns text
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
  return (
    select string_agg(
      format('not exists (select from %s tidemark_parent where %s)', k.parent::regclass, k.pairing)
        || (select string_agg(format(' and tidemark_child.%I is not null', c), '') from unnest(k.columns) c),
      ' or ')
    from tidemark.foreign_keys k
    where k.child = parent_gone.child and k.action = 'c'
  );
end
$$;

-- The foreign keys that point at a relation; with soft_no and soft_key where the child has tombstones.
create function tidemark.foreign_keys_to(parent oid)
returns table (name name, child oid, action "char", pairing text, reset text, soft_no int, soft_key name)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
  return query
    select
      k.name, k.child, k.action, k.pairing,
      (
        select string_agg(format(case k.action when 'n' then '%I = null' else '%I = default' end, c), ', ')
        from unnest(k.reset) c
      ),
      soft.table_no, soft.key_column
    from tidemark.foreign_keys k
    cross join lateral tidemark.synced_table_info(k.child) soft
    where k.parent = foreign_keys_to.parent;
end
$$;
