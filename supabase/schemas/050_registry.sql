-- Which tables sync, under which scope and by which conflict policy. tidemark.add_table writes the registry; pull, push
-- and verification read it.
-- Names are stored, not regclass: reg* columns block pg_upgrade.

create table tidemark.sync_tables (
  table_no int generated always as identity primary key,
  name text not null,
  schema_name text not null,
  table_name text not null,
  key_column text not null,
  key_type text not null,
  scope_kind text not null,
  scope_column text,
  conflict text not null,
  columns jsonb not null default '{}',
  column_numbers jsonb not null default '{}',
  numbers_of oid,
  added_at timestamptz not null default now(),
  constraint one_wire_name_per_table unique (name),
  constraint a_table_is_registered_once unique (schema_name, table_name),
  constraint only_public_tables_have_no_scope_column check ((scope_kind = 'public') = (scope_column is null)),
  constraint column_rules_are_an_object check (jsonb_typeof(columns) = 'object')
);
comment on table tidemark.sync_tables is 'The registry that tidemark.add_table writes: one row a syncable table.';
comment on column tidemark.sync_tables.table_no is
  'Never reused: a table removed and added again is a new one, so devices download it again.';
comment on column tidemark.sync_tables.column_numbers is
  'Its columns by their place in the relation numbers_of, where a rename leaves them: what the rules and older '
  'entries of the log call them by. In another relation (a restored dump) the names hold.';
comment on column tidemark.sync_tables.key_type is
  'When the table was added: with another one, adding it again makes it another table.';
comment on column tidemark.sync_tables.name is
  'The name on the wire: the table''s own in schema public, schema.table elsewhere.';

-- The registry as the catalogue sees it now: a dropped table is absent, and so is one that was made
-- anew under the old name and never added. The key, its type, the scope column and columns with a rule are
-- looked up, so that renaming or retyping them needs no call. The type is one to cast to: without -1 a char
-- would be one character long.
-- With a number only that table.
-- A function under the view, with a plan that is made once a session: planning the join of catalogues
-- would cost every call more than running it. The same goes for each force_generic_plan below.
create function tidemark.find_tables(wanted int default null)
returns table (
  table_no int, name text, schema_name text, table_name text, key_column name, key_type text,
  scope_kind text, scope_column name, conflict text, columns jsonb, relation oid
)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
  select
    t.table_no, t.name, t.schema_name, t.table_name,
    key.attname as key_column,
    format_type(case when y.typtype = 'd' then tidemark.base_type(y.oid) else y.oid end, -1) as key_type,
    t.scope_kind, coalesce(scope.attname, t.scope_column::name) as scope_column, t.conflict,
    case when t.columns = '{}' or t.numbers_of is distinct from c.oid then t.columns else (
      select coalesce(jsonb_object_agg(a.attname, r.value), '{}')
      from jsonb_each(t.columns) r
      join pg_catalog.pg_attribute a
        on a.attrelid = c.oid and a.attnum = (t.column_numbers ->> r.key)::int and not a.attisdropped
    ) end as columns,
    c.oid as relation
  from tidemark.sync_tables t
  join pg_catalog.pg_namespace n on n.nspname = t.schema_name
  join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = t.table_name
  join pg_catalog.pg_trigger g on g.tgrelid = c.oid and g.tgname = 'tidemark_log_update'
  join pg_catalog.pg_index pk on pk.indrelid = c.oid and pk.indisprimary
  join pg_catalog.pg_attribute key on key.attrelid = c.oid and key.attnum = pk.indkey[0]
  join pg_catalog.pg_type y on y.oid = key.atttypid
  left join pg_catalog.pg_class ic on ic.relnamespace = n.oid and ic.relname = 'tidemark_scope_' || t.table_no
  left join pg_catalog.pg_index si on si.indexrelid = ic.oid and si.indrelid = c.oid
  left join pg_catalog.pg_attribute scope on scope.attrelid = c.oid and scope.attnum = si.indkey[0]
  -- in this form the plan looks the catalogues up table by table, however many there are
  where t.table_no = coalesce(wanted, t.table_no);
end
$$;

create view tidemark.live_tables with (security_invoker = true) as
select f.* from tidemark.find_tables() f;
comment on view tidemark.live_tables is
  'Registered tables that exist, with their oid and the names their columns have now.';

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
  select t.* into registered from tidemark.find_tables(wanted) t;
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

-- Parents before children: a table's rank is the longest chain of foreign keys above it.
-- A cycle of foreign keys cannot be ranked; the walk stops at the number of tables.
create function tidemark.table_ranks()
returns table (table_no int, rank int)
language plpgsql
stable
security definer -- reads the registry, which callers cannot; answers with names and numbers only
set search_path = pg_catalog, pg_temp
as $$
#variable_conflict use_column
begin
  return query
    with recursive
    edges as (
      select child.table_no as child_no, parent.table_no as parent_no
      from pg_catalog.pg_constraint k
      join tidemark.live_tables child on child.relation = k.conrelid
      join tidemark.live_tables parent on parent.relation = k.confrelid
      where k.contype = 'f' and k.conrelid <> k.confrelid
    ),
    walk as (
      select t.table_no, 0 as rank from tidemark.sync_tables t
      union
      select e.child_no, w.rank + 1
      from walk w
      join edges e on e.parent_no = w.table_no
      where w.rank < (select count(*) from tidemark.sync_tables)
    )
    select w.table_no, max(w.rank) from walk w group by w.table_no;
end
$$;
comment on function tidemark.table_ranks() is
  'Registered tables with their place in foreign-key order: 0 has no parent.';

-- Whether a table was dropped after the snapshot of this call, in which the registry was read. The privilege is
-- looked up in the catalogue as it is now, and is null for a table that is not there.
create function tidemark.is_gone(relation oid)
returns boolean
language plpgsql
volatile -- not as of the snapshot
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return has_table_privilege(relation, 'select') is null;
end
$$;

-- Which table a relation is, its triggers say: they carry its number through a rename and through a dump. One
-- that was made anew under an old name carries none. As text, since other triggers' arguments are no numbers.
create view tidemark.numbered_relations with (security_invoker = true) as
select g.tgrelid as relation, split_part(encode(g.tgargs, 'escape'), '\000', 1) as number
from pg_catalog.pg_trigger g
where g.tgname = 'tidemark_log_update';
comment on view tidemark.numbered_relations is 'Relations with the triggers of a synced table, and its number.';

-- The numbers that a relation goes by: its own, and that of the table which had its name before.
create function tidemark.numbers_at(target oid)
returns int[]
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return array(
    select r.number::int from tidemark.numbered_relations r where r.relation = target
    union
    select t.table_no
    from tidemark.sync_tables t
    join pg_catalog.pg_namespace n on n.nspname = t.schema_name
    join pg_catalog.pg_class c on c.relnamespace = n.oid and c.relname = t.table_name
    where c.oid = target
  );
end
$$;
