-- Where a push writes to: what the catalogue says of a table and of the caller's rights on it, and the rows that are
-- there before and after. All files up to 320_push.sql are parts of sync_push.

create type tidemark.push_target as (
  registered tidemark.live_tables,
  rank int,
  row_type text, -- as a cast
  visible_row text, -- a row of the alias tidemark_row, null in columns that the caller has no grant to read
  insert_columns text[], -- a, b
  insert_values text[], -- r.a, r.b
  insert_defaults text[], -- null, the default of b: what to insert where the device sent nothing
  insert_data text, -- (listed.mutation).data, and what a type that is never null needs where the device sent nothing
  stored text, -- t.a, t.b: everything but the stamps that the caller may read
  sent text, -- the same as it was sent: r.a, r.b
  defaulted text[], -- columns whose absence the device cannot fill in itself
  generated text[], -- columns that only the database writes
  fixed text[], -- columns that an edit cannot write: generated, stamps, the key
  json_required text[], -- json columns that are not null: there a null that is sent is json's
  not_insertable text[], -- columns that the caller has no grant to insert
  not_updatable text[], -- … to update
  not_readable text[], -- … to read
  key_constraint text,
  may_differ boolean, -- the stored row may differ from what was sent
  may_update boolean, -- the caller has a grant to update
  has_parents boolean -- rows point at rows that can be tombstones
);
comment on type tidemark.push_target is
  'A table that a push writes to, with everything about it that the catalogue knows: looked up once a call.';

-- Defaults are printed for the path that the statements have which they become part of; the table itself with
-- its schema, as its name may be that of a type of Postgres's.
create function tidemark.push_targets(tables int[])
returns tidemark.push_target[]
language plpgsql
stable
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
  return (
    select array_agg(row(
      r, k.rank, format('%I.%I', r.schema_name, r.table_name),
      case when a.not_readable = '{}' then 'tidemark_row'
        else format('row(%s)::%I.%I', a.visible_columns, r.schema_name, r.table_name) end,
      a.insert_columns, a.insert_values, a.insert_defaults, a.insert_data, a.stored, a.sent, a.defaulted, a.generated,
      a.generated || array['version', 'updated_at', 'deleted_at', r.key_column],
      a.json_required, a.not_insertable, a.not_updatable, a.not_readable,
      (select c.relname from pg_catalog.pg_index i join pg_catalog.pg_class c on c.oid = i.indexrelid
       where i.indrelid = r.relation and i.indisprimary),
      a.generated <> '{}' or exists (
        select from pg_catalog.pg_trigger g
        join pg_catalog.pg_proc f on f.oid = g.tgfoid
        where g.tgrelid = r.relation and not g.tgisinternal and f.pronamespace <> 'tidemark'::regnamespace),
      has_any_column_privilege(r.relation, 'update'),
      exists (
        select from pg_catalog.pg_constraint f
        join tidemark.table_names() t on t.relation = f.confrelid
        where f.contype = 'f' and f.conrelid = r.relation)
    )::tidemark.push_target)
    from unnest(tables) as n (table_no)
    cross join lateral tidemark.table_by_no(n.table_no) r
    left join tidemark.table_ranks() k on cardinality(tables) > 1 and k.table_no = n.table_no
    cross join lateral (
      select
        string_agg(
          case when c.readable then format('tidemark_row.%I', c.attname) else 'null' end, ', ' order by c.attnum
        ) as visible_columns,
        array_agg(c.attname::text order by c.attnum) filter (where c.written) as insert_columns,
        array_agg(
          case when c.is_key then format('tidemark_m.tidemark_id::%s', r.key_type) else c.value end order by c.attnum
        ) filter (where c.written) as insert_values,
        array_agg(
          case when not c.is_key then coalesce(c.default_value, case when c.json_required then 'null' end) end
          order by c.attnum
        ) filter (where c.written) as insert_defaults,
        coalesce(string_agg(
            format('case when (listed.mutation).data ? %1$L then ''{}'' else jsonb_build_object(%1$L, %2$s) end || ',
              c.attname, case when c.is_key then '(listed.mutation).id' else c.default_value end),
            '') filter (where c.never_null and (c.is_key or c.default_value is not null)),
          '') || '(listed.mutation).data' as insert_data,
        string_agg(format('t.%I', c.attname), ', ' order by c.attnum) filter (where c.compared) as stored,
        string_agg(c.value, ', ' order by c.attnum) filter (where c.compared) as sent,
        array_agg(c.attname::text) filter (
          where not c.is_key and not c.is_stamp and (c.default_value is not null or not c.settable)
        ) as defaulted,
        coalesce(array_agg(c.attname::text) filter (where not c.settable and not c.is_key), '{}') as generated,
        coalesce(array_agg(c.attname::text) filter (where c.json_required), '{}') as json_required,
        coalesce(array_agg(c.attname::text) filter (
          where c.settable and not c.is_stamp and not c.insertable
        ), '{}') as not_insertable,
        coalesce(array_agg(c.attname::text) filter (where not c.updatable), '{}') as not_updatable,
        coalesce(array_agg(c.attname::text) filter (where not c.readable), '{}') as not_readable
      from (
        select
          x.*,
          not x.is_stamp and (x.is_key or x.settable and x.insertable) as written,
          not x.is_stamp and x.readable as compared,
          case
            when x.is_key then format('tidemark_m.tidemark_id::%s', x.type)
            when x.json_required then format('coalesce((tidemark_m.tidemark_r).%I, ''null'')', x.attname)
            else format('(tidemark_m.tidemark_r).%I', x.attname)
          end as value,
          -- The cast that turns a default into its column's type is not printed; without it, what is sent would be
          -- turned into the default's. A length, and a domain's check, are left to the insert, which cuts nothing.
          '(' || coalesce(
            (select pg_get_expr(d.adbin, d.adrelid) from pg_catalog.pg_attrdef d
             where d.adrelid = x.attrelid and d.adnum = x.attnum and x.attgenerated = ''),
            case when x.attidentity = 'd'
              then format('nextval(%L)', pg_get_serial_sequence(r.relation::regclass::text, x.attname)) end,
            case when x.attgenerated = '' then x.domain_default end
          ) || ')::' || x.base_type as default_value
        from (
          select
            l.attrelid, l.attname, l.attnum, l.attgenerated, l.attidentity,
            format_type(y.oid, -1) as type,
            format_type(case when y.typtype = 'd' then tidemark.base_type(y.oid) else y.oid end, -1) as base_type,
            pg_get_expr(y.typdefaultbin, 0) as domain_default,
            l.attname = r.key_column as is_key,
            l.attname in ('version', 'updated_at', 'deleted_at') as is_stamp,
            l.attgenerated = '' and l.attidentity <> 'a' as settable,
            l.attnotnull and l.atttypid in ('json'::regtype, 'jsonb'::regtype) as json_required,
            y.typtype = 'd' and tidemark.is_never_null(y.oid) as never_null,
            has_column_privilege(l.attrelid, l.attnum, 'insert') as insertable,
            has_column_privilege(l.attrelid, l.attnum, 'update') as updatable,
            has_column_privilege(l.attrelid, l.attnum, 'select') as readable
          from pg_catalog.pg_attribute l
          join pg_catalog.pg_type y on y.oid = l.atttypid
          where l.attrelid = r.relation and l.attnum > 0 and not l.attisdropped
        ) x
      ) c
    ) a
  );
end
$$;

-- Rows of a table as this caller may see them now, tombstones included where the policies show them.
create function tidemark.current_rows(registered tidemark.live_tables, ids text[], exact boolean)
returns table (row_id text, version bigint, deleted boolean, "row" json)
language plpgsql
stable
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
begin
  if registered.table_no is null then
    return;
  end if;
  return query execute format(
    'select t.%1$I::text, t.version, t.deleted_at is not null,
       (select row_to_json(tidemark_page) from (select %4$s) tidemark_page)
     from %2$s t
     where t.%1$I = any ($1::%3$s[])',
    registered.key_column, registered.relation::regclass, registered.key_type,
    tidemark.pulled_columns(registered.relation, exact)
  ) using ids;
end
$$;

-- The same without their content.
create function tidemark.row_states(registered tidemark.live_tables, ids text[])
returns table (row_id text, version bigint, deleted boolean)
language plpgsql
stable
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
begin
  if registered.table_no is null then
    return;
  end if;
  return query execute format(
    'select t.%1$I::text, t.version, t.deleted_at is not null from %2$s t where t.%1$I = any ($1::%3$s[])',
    registered.key_column, registered.relation::regclass, registered.key_type
  ) using ids;
end
$$;
