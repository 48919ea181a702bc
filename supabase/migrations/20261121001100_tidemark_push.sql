-- Push: a device's queue, applied as the caller. Set-based: one statement a table and operation, in
-- foreign-key order. Only when a statement raises is the list halved to find the mutation it was.

-- A table that a push writes to, with everything about it that the catalogue knows: looked up once a call.
create type tidemark.push_target as (
  registered tidemark.live_tables,
  rank int,
  row_type text, -- as a cast
  visible_row text, -- a row of the alias tidemark_row, null in columns that the caller has no grant to read
  insert_list text, -- a, b
  insert_values text, -- r.a, case when data ? 'b' then r.b else <default> end
  insert_data text, -- (u.m).data, and what a type that is never null needs where the device sent nothing
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

-- Whether a type is a domain that refuses null, itself or by the domain it is over. A record with a column
-- of such a type cannot be made before that column has its value.
create function tidemark.is_never_null(type oid)
returns boolean
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    with recursive domains as (
      select y.typnotnull, y.typbasetype from pg_catalog.pg_type y where y.oid = type and y.typtype = 'd'
      union all
      select y.typnotnull, y.typbasetype from domains d join pg_catalog.pg_type y on y.oid = d.typbasetype and y.typtype = 'd'
    )
    select coalesce(bool_or(d.typnotnull), false) from domains d
  );
end
$$;

create function tidemark.push_targets(tables int[])
returns tidemark.push_target[]
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
  return (
    select array_agg(row(
      r, k.rank, r.relation::regclass,
      case when a.not_readable = '{}' then 'tidemark_row' else format('row(%s)::%s', a.visible_columns, r.relation::regclass) end,
      a.insert_list, a.insert_values, a.insert_data, a.stored, a.sent, a.defaulted, a.generated,
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
        string_agg(case when c.readable then format('tidemark_row.%I', c.attname) else 'null' end, ', ' order by c.attnum) as visible_columns,
        string_agg(quote_ident(c.attname), ', ' order by c.attnum) filter (where c.written) as insert_list,
        string_agg(
          case
            when c.is_key then format('tidemark_m.tidemark_id::%s', r.key_type)
            when c.default_value is not null or c.json_required
              then format('case when tidemark_m.tidemark_data ? %L then %s else %s end', c.attname, c.value, coalesce(c.default_value, 'null'))
            else c.value
          end, ', ' order by c.attnum) filter (where c.written) as insert_values,
        coalesce(string_agg(
          format('case when (u.m).data ? %1$L then ''{}'' else jsonb_build_object(%1$L, %2$s) end || ', c.attname,
            case when c.is_key then '(u.m).id' else c.default_value end), '')
          filter (where c.never_null and (c.is_key or c.default_value is not null)), '') || '(u.m).data' as insert_data,
        string_agg(format('t.%I', c.attname), ', ' order by c.attnum) filter (where c.compared) as stored,
        string_agg(c.value, ', ' order by c.attnum) filter (where c.compared) as sent,
        array_agg(c.attname::text) filter (where not c.is_key and not c.is_stamp and (c.default_value is not null or not c.settable)) as defaulted,
        coalesce(array_agg(c.attname::text) filter (where not c.settable and not c.is_key), '{}') as generated,
        coalesce(array_agg(c.attname::text) filter (where c.json_required), '{}') as json_required,
        coalesce(array_agg(c.attname::text) filter (where c.settable and not c.is_stamp and not c.insertable), '{}') as not_insertable,
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
          coalesce(
            (select pg_get_expr(d.adbin, d.adrelid) from pg_catalog.pg_attrdef d
             where d.adrelid = x.attrelid and d.adnum = x.attnum and x.attgenerated = ''),
            case when x.attidentity = 'd' then format('nextval(%L)', pg_get_serial_sequence(r.relation::regclass::text, x.attname)) end,
            case when x.attgenerated = '' then x.domain_default end
          ) as default_value
        from (
          select
            l.attrelid, l.attname, l.attnum, l.attgenerated, l.attidentity,
            format_type(y.oid, null) as type,
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

-- Refuses rows that point at a tombstone, as the foreign key would if the parent were really gone. The
-- parents are held, so that none becomes one meanwhile.
create function tidemark.refuse_orphans(table_no int, ids text[])
returns void
language plpgsql
volatile
security definer -- sees tombstones that the caller's policies hide; says no more than the foreign key would
set search_path = pg_catalog, pg_temp
as $$
declare
  registered tidemark.live_tables := tidemark.table_by_no(table_no);
  fk record;
  orphaned boolean;
begin
  -- One foreign key at a time: each has its own parent.
  for fk in
    select k.conname, k.confrelid::regclass as parent,
      string_agg(format('tidemark_child.%I = tidemark_parent.%I', ca.attname, pa.attname), ' and ') as pairing
    from pg_catalog.pg_constraint k
    join tidemark.live_tables p on p.relation = k.confrelid
    cross join lateral unnest(k.conkey, k.confkey) as c (child_attnum, parent_attnum)
    join pg_catalog.pg_attribute ca on ca.attrelid = k.conrelid and ca.attnum = c.child_attnum
    join pg_catalog.pg_attribute pa on pa.attrelid = k.confrelid and pa.attnum = c.parent_attnum
    where k.contype = 'f' and k.conrelid = registered.relation
    group by k.oid, k.conname, k.confrelid
  loop
    execute format(
      'select bool_or(held.deleted) from (
         select tidemark_parent.deleted_at is not null as deleted
         from %s tidemark_parent
         where exists (
           select from %s tidemark_child
           where %s and tidemark_child.%I = any ($1::%s[]) and tidemark_child.deleted_at is null)
         for share
       ) held',
      fk.parent, registered.relation::regclass, fk.pairing, registered.key_column, registered.key_type
    ) into orphaned using ids;
    if orphaned then
      raise exception using
        errcode = 'foreign_key_violation',
        message = format('insert or update on table "%s" violates foreign key constraint "%s"', registered.relation::regclass, fk.conname),
        constraint = fk.conname,
        table = registered.table_name,
        hint = format('The row of "%s" it points to was deleted.', fk.parent);
    end if;
  end loop;
end
$$;

-- Tells the log trigger which row was edited when, by which device; '' takes it back.
create function tidemark.announce(device uuid, mutations tidemark.mutation[])
returns void
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  perform
    set_config('tidemark.device', coalesce(device::text, ''), true),
    set_config('tidemark.edited_rows', coalesce(array_agg((u.m).id)::text, ''), true),
    set_config('tidemark.edited_at', coalesce(array_agg((u.m).edited_at)::text, ''), true)
  from (select unnest(mutations) as m) u;
end
$$;

-- Rows of a table as this caller may see them now, tombstones included where the policies show them.
create function tidemark.current_rows(registered tidemark.live_tables, ids text[], exact boolean)
returns table (row_id text, version bigint, deleted boolean, "row" json)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
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
set search_path = pg_catalog, pg_temp
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

-- Raises for columns that a caller has no grant to write, and names them.
create function tidemark.refuse_columns(denied text[], used text[])
returns void
language plpgsql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if used && denied then
    raise insufficient_privilege using column = (
      select string_agg(distinct quote_ident(u), ', ') from unnest(used) u where u = any (denied));
  end if;
end
$$;

-- New rows. Null where an id is taken, by anyone's row or tombstone, or a column is not the caller's to
-- insert: nothing is overwritten here, and nothing stored in part.
create function tidemark.insert_rows(target tidemark.push_target, mutations tidemark.mutation[], exact boolean)
returns tidemark.outcome[]
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  registered tidemark.live_tables := target.registered;
  violated text;
  outcomes tidemark.outcome[];
begin
  if target.not_insertable <> '{}' and exists (select from unnest(mutations) m where m.data ?| target.not_insertable) then
    return null;
  end if;
  -- A plain insert that fails on a taken id, rather than "on conflict do nothing", which costs every
  -- row a second look at the index.
  begin
    execute format(
      'insert into %1$s (%2$s) overriding system value
       select %3$s
       from (
         select (u.m).id as tidemark_id, (u.m).data as tidemark_data, jsonb_populate_record(null::%1$s, %4$s) as tidemark_r
         from (select unnest($1) as m) u
         offset 0
       ) tidemark_m',
      target.row_type, target.insert_list, target.insert_values, target.insert_data
    ) using mutations;
  exception when unique_violation then
    get stacked diagnostics violated = constraint_name;
    if violated = target.key_constraint then
      return null;
    end if;
    raise;
  end;
  if target.has_parents then
    perform tidemark.refuse_orphans(registered.table_no, array(select m.id from unnest(mutations) m));
  end if;
  if not target.may_differ and not exists (select from (select unnest(mutations) as m) u where not (u.m).data ?& target.defaulted) then
    return (select array_agg(row((u.m).n, 'applied', 1, null, null, null, null, null, null, null)::tidemark.outcome) from (select unnest(mutations) as m) u);
  end if;
  -- The database filled in or changed something: those rows are sent back, to a caller who may read them.
  begin
    execute format(
      'select array_agg(row(tidemark_m.tidemark_n, ''applied'', coalesce(t.version, 1),
         case when t.%1$I is not null and (
             not tidemark_m.tidemark_data ?& $3 or tidemark_m.tidemark_data ?| $2
             or row(%2$s)::record operator(pg_catalog.*<>) row(%3$s)::record)
           then (select row_to_json(tidemark_page) from (select %7$s) tidemark_page) end,
         null, null, null, null, null, null)::tidemark.outcome)
       from (
         select (u.m).n as tidemark_n, (u.m).id as tidemark_id, (u.m).data as tidemark_data,
           jsonb_populate_record(null::%5$s, %6$s) as tidemark_r
         from (select unnest($1) as m) u
         offset 0
       ) tidemark_m
       left join %5$s t on t.%1$I = tidemark_m.tidemark_id::%4$s',
      registered.key_column, target.stored, target.sent, registered.key_type, target.row_type, target.insert_data,
      tidemark.pulled_columns(registered.relation, exact)
    ) into outcomes using mutations, target.generated, target.defaulted;
  exception when insufficient_privilege then
    outcomes := array(select row(m.n, 'applied', 1, null, null, null, null, null, null, null)::tidemark.outcome from unnest(mutations) m);
  end;
  return outcomes;
end
$$;

-- An edit of a row that exists, on its way through the merge.
create type tidemark.edit as (
  n int,
  id text,
  op text,
  base bigint,
  seq bigint,
  sent jsonb, -- as it came
  old jsonb,
  data jsonb, -- what is left to write
  edited_at timestamptz,
  fate text, -- live, gone (a tombstone of the caller's), missing
  version bigint, -- before
  stale boolean, -- somebody else changed the row since base
  echo boolean, -- the device sent what only the database writes: show it the row
  lost text[], -- columns in which the other side stays
  undecided text[], -- columns that nobody can decide here, or that go into a copy
  conflict_id uuid,
  copy_id text
);

-- Locks the rows that the mutations name and says what is there. A tombstone is told from no row only
-- in scopes that are not everybody's.
create function tidemark.find_rows(target tidemark.push_target, mutations tidemark.mutation[])
returns tidemark.edit[]
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  registered tidemark.live_tables := target.registered;
  ids text[] := array(select m.id from unnest(mutations) m);
  edits tidemark.edit[];
  mine jsonb;
begin
  select coalesce(jsonb_object_agg(l.row_id, l.deleted), '{}') into mine
  from tidemark.lock_rows(registered.table_no, ids) l;
  -- Rows outside of the caller's scopes that the policies nevertheless let the caller update.
  if target.may_update and exists (select from unnest(ids) i where not mine ? i) then
    execute format(
      'select from %s t where t.%I = any ($1::%s[]) order by t.%2$I for no key update',
      registered.relation::regclass, registered.key_column, registered.key_type
    ) using array(select i from unnest(ids) i where not mine ? i);
  end if;
  select array_agg(row(
    m.n, m.id, m.op, coalesce(m.base, 0),
    m.seq, m.data - target.fixed, m.old, m.data - target.fixed, m.edited_at,
    case
      when not c.deleted then 'live'
      when c.deleted or (mine ->> m.id)::boolean and registered.scope_kind <> 'public' then 'gone'
      else 'missing'
    end,
    c.version, false, coalesce(m.data ?| target.generated, false), null, null, null, null
  )::tidemark.edit)
  into edits
  from unnest(mutations) m
  left join tidemark.row_states(registered, ids) c on c.row_id = m.id;
  return edits;
end
$$;

-- For the columns whose rule is max or min, an SQL object {column: whether the device's value is greater},
-- by the order of the column's own type: durations and enums have another one than their texts.
create function tidemark.comparisons(target tidemark.push_target)
returns text
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  registered tidemark.live_tables := target.registered;
begin
  return (
    select format('jsonb_build_object(%s)', string_agg(
      -- records are compared by their columns' types, wherever the operator lives
      format('%1$L, row((w.mine).%1$I)::record operator(pg_catalog.>) row((w.theirs).%1$I)::record', a.attname), ', '))
    from jsonb_each_text(registered.columns) rule
    join pg_catalog.pg_attribute a on a.attrelid = registered.relation and a.attname = rule.key and a.attnum > 0 and not a.attisdropped
    join pg_catalog.pg_type y on y.oid = tidemark.base_type(a.atttypid)
    where rule.value in ('max', 'min')
      and (y.typtype in ('e', 'r', 'm') or exists (
        select from pg_catalog.pg_opclass o
        join pg_catalog.pg_am m on m.oid = o.opcmethod and m.amname = 'btree'
        where o.opcdefault and (o.opcintype = y.oid or exists (
          select from pg_catalog.pg_cast c
          where c.castsource = y.oid and c.casttarget = o.opcintype and c.castmethod = 'b' and c.castcontext = 'i'))))
  );
end
$$;

-- Merges edits with what others did since their base. Columns that nobody else touched are written; a
-- value that equals what is stored, or what the device had before, is no edit; the others are conflicts,
-- and the column's rule or the table's policy says what becomes of each.
create function tidemark.merge_edits(target tidemark.push_target, edits tidemark.edit[], device uuid)
returns tidemark.edit[]
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  registered tidemark.live_tables := target.registered;
  merged tidemark.edit[];
begin
  execute format(
    'select array_agg(row(
       e.n, e.id, e.op, e.base, e.seq, e.sent, e.old, coalesce(d.kept, ''{}''), e.edited_at, e.fate, e.version,
       not h.complete or h.everything is not null or h.columns <> ''{}'' or h.beside, e.echo, d.lost, d.undecided, null, null
     )::tidemark.edit)
     from unnest($1) e
     join tidemark.changed_since($2, $3, $4, $8, $5) h on h.row_id = e.id
     join %1$s tidemark_row on tidemark_row.%2$I = e.id::%3$s
     cross join lateral (
       select to_jsonb(w.mine) as mine, to_jsonb(jsonb_populate_record(w.theirs, e.old)) as before, to_jsonb(w.theirs) as theirs,
         %5$s as client_is_greater
       from (select %4$s as theirs, jsonb_populate_record(%4$s, e.data) as mine) w
       offset 0
     ) v
     cross join lateral (
       select
         jsonb_object_agg(c.key, c.kept) filter (where c.kept is not null) as kept,
         array_agg(c.key order by c.key) filter (where c.overruled) as lost,
         array_agg(c.key order by c.key) filter (where c.undecided) as undecided
       from (
         select k.key,
           case
             when not o.overlap then k.value
             when r.value is not null and r.value is distinct from v.theirs -> k.key then r.value
           end as kept,
           o.overlap and r.value is null as undecided,
           o.overlap and tidemark.is_overruled(
             o.rule, v.theirs -> k.key, v.mine -> k.key, case when e.old ? k.key then v.before -> k.key end, r.value) as overruled
         from jsonb_each(e.data) k
         cross join lateral (
           select
             coalesce($6 ->> k.key, $7) as rule,
             case when h.complete then greatest((h.columns ->> k.key)::timestamptz, h.everything) else tidemark_row.updated_at end as at
         ) a
         cross join lateral (
           select a.rule, a.at, a.at is not null
             -- the same change twice is one change, but for a sum
             and (v.mine -> k.key is distinct from v.theirs -> k.key or a.rule = ''sum'')
             and not (coalesce(e.old ? k.key, false) and v.before -> k.key is not distinct from v.mine -> k.key) as overlap
         ) o
         left join lateral (
           select tidemark.resolve_column(
             o.rule, v.theirs -> k.key, v.mine -> k.key, case when e.old ? k.key then v.before -> k.key end, e.edited_at >= o.at,
             (v.client_is_greater -> k.key)::boolean) as value
           where o.overlap
         ) r on true
         -- what is sent along unchanged, or stands there already, is not written again: null and arrays
         -- are less in JSON than they are in SQL
         where not (coalesce(e.old ? k.key, false) and (v.before -> k.key)::text is not distinct from (v.mine -> k.key)::text)
           and (o.overlap or v.mine -> k.key is distinct from v.theirs -> k.key or k.key = any ($9)
             -- 1.0 and 1.00 are one number to jsonb
             or (v.mine -> k.key)::text is distinct from (v.theirs -> k.key)::text)
       ) c
     ) d',
    target.row_type, registered.key_column, registered.key_type, target.visible_row, tidemark.comparisons(target)
  ) into merged
  using edits, registered.table_no,
    array(select e.id from unnest(edits) e), array(select e.base from unnest(edits) e), device,
    registered.columns, case when registered.conflict like 'function:%' then 'undecided' else registered.conflict end,
    array(select e.version from unnest(edits) e), target.not_readable;
  if exists (select from unnest(merged) e where e.undecided is not null) then
    return tidemark.settle_edits(target, merged, device);
  end if;
  return merged;
end
$$;

-- Policies that look at the whole edit: function, keep_both, manual.
create function tidemark.settle_edits(target tidemark.push_target, edits tidemark.edit[], device uuid)
returns tidemark.edit[]
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  registered tidemark.live_tables := target.registered;
  e tidemark.edit;
  theirs jsonb;
  ours jsonb;
  verdict jsonb;
  settled tidemark.edit[] := '{}';
begin
  -- One at a time: conflicts are rare, and each may call the app's function or write a row of its own.
  foreach e in array edits loop
    if e.undecided is not null then
      execute format('select to_jsonb(%4$s), to_jsonb(jsonb_populate_record(%4$s, $1)) from %1$s tidemark_row where tidemark_row.%2$I = $2::%3$s',
        target.row_type, registered.key_column, registered.key_type, target.visible_row
      ) into theirs, ours using e.sent, e.id;
      if registered.conflict like 'function:%' then
        execute format('select %s($1, $2, $3, $4)', tidemark.function_name(substr(registered.conflict, 10)))
          into verdict
          using theirs, ours, e.old, jsonb_build_object(
            'table', registered.name, 'id', e.id, 'op', e.op, 'columns', e.undecided, 'edited_at', e.edited_at,
            'device_id', device, 'user_id', auth.uid(), 'base_version', e.base, 'version', e.version,
            'client_is_newer', e.edited_at >= (tidemark.last_change(registered.table_no, e.id, device) ->> 'edited_at')::timestamptz);
        e.data := e.data || coalesce((
          select jsonb_object_agg(k, verdict -> k) from unnest(e.undecided) k
          where verdict ? k and verdict -> k is distinct from theirs -> k), '{}');
        e.lost := nullif(coalesce(e.lost, '{}') || array(
          select k from unnest(e.undecided) k where coalesce(verdict -> k, theirs -> k) is not distinct from theirs -> k), '{}');
        e.undecided := null;
      elsif registered.conflict = 'keep_both' then
        e.copy_id := tidemark.copy_row(target, ours, e);
        e.data := '{}';
      else
        e.conflict_id := tidemark.park_conflict(
          registered.table_no, e.id, device, e.seq, e.op, e.undecided,
          (select jsonb_object_agg(k, ours -> k) from unnest(e.undecided) k), theirs,
          (select jsonb_object_agg(k, e.old -> k) from unnest(e.undecided) k where e.old ? k),
          e.base, e.edited_at);
      end if;
    end if;
    settled := settled || e;
  end loop;
  return settled;
end
$$;

-- keep_both: the device's version as a row of its own, as the caller.
create function tidemark.copy_row(target tidemark.push_target, ours jsonb, e tidemark.edit)
returns text
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  registered tidemark.live_tables := target.registered;
  copy_id text := case
    when registered.key_type = 'uuid' then gen_random_uuid()::text
    when registered.key_type in ('bigint', 'integer', 'smallint') then (
      select nextval(pg_get_serial_sequence(registered.relation::regclass::text, registered.key_column))::text)
    else e.id || '-' || left(gen_random_uuid()::text, 8) end;
begin
  if copy_id is null then
    raise exception using errcode = '23502', message = 'keep_both: the key column has no sequence to take a new id from';
  end if;
  if tidemark.insert_rows(target, array[row(
    e.n, e.seq, registered.name, registered.table_no, 'put', copy_id, null,
    ours - target.fixed - array(select c from unnest(target.not_readable) c where not e.sent ? c), null, e.edited_at, 1, null, null, null
  )::tidemark.mutation], false) is null then
    raise insufficient_privilege;
  end if;
  return copy_id;
end
$$;

-- Puts and patches of rows that exist. A put whose id is free comes back as status 'absent'.
create function tidemark.edit_rows(target tidemark.push_target, mutations tidemark.mutation[], device uuid, exact boolean)
returns tidemark.outcome[]
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  registered tidemark.live_tables := target.registered;
  edits tidemark.edit[] := tidemark.find_rows(target, mutations);
  columns text[];
  outcomes tidemark.outcome[];
begin
  -- One that names a column that is not to be written may have sent it along unchanged.
  if exists (select from unnest(edits) e where e.fate = 'live' and (e.version <> e.base or e.data ?| target.not_updatable)) then
    select array_agg(e) into edits from (
      select e from unnest(edits) e where e.fate <> 'live' or e.version = e.base and not e.data ?| target.not_updatable
      union all
      select m from unnest(tidemark.merge_edits(
        target,
        array(select e from unnest(edits) e where e.fate = 'live' and (e.version <> e.base or e.data ?| target.not_updatable)),
        device)) m
    ) both_kinds (e);
  end if;

  select array_agg(distinct k) into columns
  from unnest(edits) e cross join lateral jsonb_object_keys(e.data) k
  where e.fate = 'live';
  if target.not_updatable <> '{}' then
    perform tidemark.refuse_columns(target.not_updatable, columns || array(
      select c from unnest(edits) e cross join lateral unnest(e.lost || e.undecided) c));
  end if;
  if columns && target.not_readable and exists (
    select from unnest(edits) e
    where e.fate = 'live' and e.data <> '{}'
      and not e.data ?& array(select c from unnest(columns) c where c = any (target.not_readable)))
  then
    -- An edit that leaves such a column alone cannot be written together with one that does not, as its
    -- value is not to be had: this takes the list apart.
    raise insufficient_privilege;
  end if;
  if columns is not null then
    execute format(
      'with tidemark_m as materialized (
         select e.n as tidemark_n, e.id as tidemark_id, e.id::%4$s as tidemark_key, e.stale as tidemark_stale, e.echo as tidemark_echo, e.lost as tidemark_lost,
           e.conflict_id as tidemark_conflict, jsonb_populate_record(%8$s, e.data) as tidemark_r
         from unnest($1) e
         join %1$s tidemark_row on tidemark_row.%3$I = e.id::%4$s
         where e.fate = ''live'' and e.data <> ''{}''
       ),
       written as (
         update %1$s t set %2$s
         from tidemark_m
         where t.%3$I = tidemark_m.tidemark_key
         returning tidemark_m.tidemark_n, tidemark_m.tidemark_stale, tidemark_m.tidemark_lost, tidemark_m.tidemark_conflict, t.version,
           case when tidemark_m.tidemark_stale or tidemark_m.tidemark_echo or row(%5$s)::record operator(pg_catalog.*<>) row(%6$s)::record
             then (select row_to_json(tidemark_page) from (select %7$s) tidemark_page) end as tidemark_json
       )
       select array_agg(row(w.tidemark_n,
         case when w.tidemark_conflict is not null then ''conflict'' when w.tidemark_stale then ''merged'' else ''applied'' end,
         w.version, w.tidemark_json, w.tidemark_lost, null, w.tidemark_conflict, null, null, null)::tidemark.outcome)
       from written w',
      target.row_type,
      (select string_agg(format(
        case when k = any (target.json_required) then '%1$I = coalesce((tidemark_m.tidemark_r).%1$I, ''null'')' else '%1$I = (tidemark_m.tidemark_r).%1$I' end,
        k), ', ') from unnest(columns) k),
      registered.key_column, registered.key_type, target.stored, target.sent,
      tidemark.pulled_columns(registered.relation, exact), target.visible_row
    ) into outcomes using edits;
    if target.has_parents then
      perform tidemark.refuse_orphans(registered.table_no, array(select e.id from unnest(edits) e where e.fate = 'live'));
    end if;
  end if;

  return outcomes || array(
    select case
      when e.fate = 'missing' and e.op = 'put' then row(e.n, 'absent', null, null, null, null, null, null, null, null)::tidemark.outcome
      when e.fate = 'missing' then row(e.n, 'rejected', null, null, null, null, null, 'not_found',
        format('no row of "%s" has this id', registered.name), 'Put the whole row to create it.')::tidemark.outcome
      when e.fate = 'gone' then row(e.n, 'rejected', null, null, null, null, null, 'gone',
        'the row was deleted', 'Put it under a new id to keep the edit.')::tidemark.outcome
      when e.data <> '{}' then row(e.n, 'rejected', e.version, null, null, null, null, 'forbidden',
        format('the policies of "%s" do not allow this', registered.name), null)::tidemark.outcome
      -- nothing left to write: overruled, waiting, copied, or there was nothing to change
      else row(e.n,
        case when coalesce(e.lost, e.undecided) is not null then 'conflict' when e.stale then 'merged' else 'applied' end,
        e.version, c."row", e.lost, e.copy_id, e.conflict_id, null, null, null)::tidemark.outcome
    end
    from unnest(edits) e
    left join tidemark.current_rows(registered, array(select u.id from unnest(edits) u where u.data = '{}' and (u.stale or u.echo)), exact) c
      on c.row_id = e.id
    where e.n not in (select o.n from unnest(outcomes) o)
  );
end
$$;

-- Whether an edit by somebody else stands against a delete.
create function tidemark.judge_delete(
  registered tidemark.live_tables, e tidemark.edit, theirs jsonb, device uuid, out overruled boolean, out conflict_id uuid
)
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  other jsonb := tidemark.last_change(registered.table_no, e.id, device);
  client_is_newer boolean := e.edited_at >= coalesce((other ->> 'edited_at')::timestamptz, (theirs ->> 'updated_at')::timestamptz);
  verdict jsonb;
begin
  case
    when registered.conflict = 'last_write_wins' then
      overruled := not client_is_newer;
    when registered.conflict = 'client_wins' then
      overruled := false;
    when registered.conflict like 'function:%' then
      execute format('select %s($1, null, null, $2)', tidemark.function_name(substr(registered.conflict, 10)))
        into verdict
        using theirs, jsonb_build_object('table', registered.name, 'id', e.id, 'op', 'delete', 'columns', '[]'::jsonb,
          'edited_at', e.edited_at, 'device_id', device, 'user_id', auth.uid(),
          'base_version', e.base, 'version', e.version, 'client_is_newer', client_is_newer);
      overruled := verdict is not null;
    else
      -- server_wins, merge, keep_both, manual: an edit is never lost to a delete that did not know of it
      overruled := true;
      if registered.conflict = 'manual' then
        conflict_id := tidemark.park_conflict(
          registered.table_no, e.id, device, e.seq, 'delete', '{}', null, theirs, null, e.base, e.edited_at);
      end if;
  end case;
end
$$;

-- Deletes: plainly as the caller, so the DELETE policy decides. A row that somebody else edited later
-- than it was deleted here stays.
create function tidemark.delete_rows(target tidemark.push_target, mutations tidemark.mutation[], device uuid, exact boolean)
returns tidemark.outcome[]
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  registered tidemark.live_tables := target.registered;
  edits tidemark.edit[] := tidemark.find_rows(target, mutations);
  outdated tidemark.edit[];
  parked jsonb := '{}';
  overruled text[] := '{}';
  ids text[];
begin
  -- Deletes of rows that somebody else changed since: the policy decides between delete and edit.
  select array_agg(e) into outdated
  from unnest(edits) e
  join tidemark.changed_since(
    registered.table_no,
    array(select s.id from unnest(edits) s where s.fate = 'live' and s.version <> s.base),
    array(select s.base from unnest(edits) s where s.fate = 'live' and s.version <> s.base),
    array(select s.version from unnest(edits) s where s.fate = 'live' and s.version <> s.base),
    device
  ) h on h.row_id = e.id
  where not h.complete or h.everything is not null or h.columns <> '{}';
  if outdated is not null then
    select coalesce(array_agg(e.id), '{}'), coalesce(jsonb_object_agg(e.id, v.conflict_id) filter (where v.conflict_id is not null), '{}')
      into overruled, parked
    from unnest(outdated) e
    join tidemark.current_rows(registered, array(select s.id from unnest(outdated) s), false) c on c.row_id = e.id
    cross join lateral tidemark.judge_delete(registered, e, to_jsonb(c."row"), device) v
    where v.overruled;
  end if;
  ids := array(select e.id from unnest(edits) e where e.fate = 'live' and e.id <> all (overruled));
  execute format('delete from %s t where t.%I = any ($1::%s[])',
    registered.relation::regclass, registered.key_column, registered.key_type) using ids;
  -- What is not there, or not for the caller to see, counts as deleted, and nothing is said about it.
  return (
    with states as materialized (
      select e.n, e.id, e.fate, s.version, s.deleted, e.id = any (overruled) as stays
      from unnest(edits) e
      left join tidemark.row_states(registered, array(select u.id from unnest(edits) u)) s on s.row_id = e.id
    )
    select array_agg(case
      when s.stays then row(s.n, 'conflict', c.version, c."row", '{}', null, (parked ->> s.id)::uuid, null, null, null)::tidemark.outcome
      when s.fate = 'live' and not s.deleted then row(s.n, 'rejected', c.version, c."row", null, null, null, 'forbidden',
        format('the policies of "%s" do not allow this', registered.name), null)::tidemark.outcome
      else row(s.n, 'applied', coalesce(s.version, l.version), null, null, null, null, null, null, null)::tidemark.outcome
    end)
    from states s
    left join tidemark.current_rows(
      registered, array(select r.id from states r where r.stays or r.fate = 'live' and not r.deleted), exact) c on c.row_id = s.id
    -- tombstones that the policies hide
    left join tidemark.lock_rows(
      registered.table_no, array(select r.id from states r where r.fate = 'live' and r.version is null)) l on l.row_id = s.id
  );
end
$$;

-- All mutations, or an error. Rounds keep several mutations of one row in order; within a round
-- parents are written before children, and children deleted before parents.
create function tidemark.apply_all(device uuid, mutations tidemark.mutation[], targets tidemark.push_target[], exact boolean)
returns tidemark.outcome[]
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  part record;
  outcomes tidemark.outcome[] := '{}';
  answers tidemark.outcome[];
  chosen tidemark.mutation[];
  absent tidemark.mutation[];
begin
  -- One group at a time: each is another table or operation.
  for part in
    select g.*, t as target
    from (
      select (u.m).round, (u.m).table_no, (u.m).op, count(*) as n
      from (select unnest(mutations) as m) u
      group by 1, 2, 3
    ) g
    join unnest(targets) t on (t.registered).table_no = g.table_no
    order by g.round, g.op = 'delete', case when g.op = 'delete' then -t.rank else t.rank end, g.table_no, g.op = 'patch'
  loop
    chosen := mutations;
    if part.n < cardinality(mutations) then
      chosen := array(
        select u.m from (select unnest(mutations) as m) u
        where (u.m).round = part.round and (u.m).table_no = part.table_no and (u.m).op = part.op);
    end if;
    perform tidemark.announce(device, chosen);
    if part.op = 'delete' then
      answers := tidemark.delete_rows(part.target, chosen, device, exact);
    elsif part.op = 'patch' then
      answers := tidemark.edit_rows(part.target, chosen, device, exact);
    else
      answers := tidemark.insert_rows(part.target, chosen, exact);
      if answers is null then
        answers := tidemark.edit_rows(part.target, chosen, device, exact);
        absent := array(
          select m from unnest(chosen) m
          join unnest(answers) o on o.n = m.n and o.status = 'absent');
        if cardinality(absent) > 0 then
          answers := array(select o from unnest(answers) o where o.status <> 'absent')
            || tidemark.insert_rows(part.target, absent, exact);
          if cardinality(answers) < cardinality(chosen) then
            perform tidemark.refuse_columns(
              (part.target).not_insertable, array(select k from unnest(absent) m cross join lateral jsonb_object_keys(m.data) k));
            -- taken by a row that the caller may not see
            raise insufficient_privilege;
          end if;
        end if;
      end if;
    end if;
    outcomes := outcomes || answers;
  end loop;
  return outcomes;
end
$$;

-- What a mutation that raised is answered. Messages name columns and constraints, never values of
-- other rows.
create function tidemark.rejection(
  n int, state text, message text, hint text, table_name text, schema_of text, constraint_of text, relation_of text, column_of text
)
returns tidemark.outcome
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select case
      when state = '42501' and column_of <> '' then row(n, 'rejected', null, null, null, null, null, 'forbidden',
        format(case when column_of like '%, %' then 'columns %s of "%s" are not yours to write' else 'column %s of "%s" is not yours to write' end,
          column_of, table_name), 'Leave it out.')::tidemark.outcome
      when state = '42501' then row(n, 'rejected', null, null, null, null, null, 'forbidden', format('the policies of "%s" do not allow this', table_name), null)::tidemark.outcome
      when state = '23505' then row(n, 'rejected', null, null, null, null, null, 'unique', format('another row already has this %s', coalesce((
          select string_agg(pg_get_indexdef(x.indexrelid, part.place, true), ', ' order by part.place)
          from pg_catalog.pg_index x
          cross join lateral generate_series(1, x.indnkeyatts) as part (place)
          where x.indexrelid = to_regclass(format('%I.%I', schema_of, constraint_of))), 'value')), format('Unique constraint "%s". Change the value and send the edit again.', constraint_of))::tidemark.outcome
      when state in ('23503', '23001') then row(n, 'rejected', null, null, null, null, null, 'foreign_key', message, coalesce(nullif(hint, ''), format('Foreign key "%s": the row it points to is not there.', constraint_of)))::tidemark.outcome
      when state in ('23502', '23514', '23P01', 'P0001') then row(n, 'rejected', null, null, null, null, null, 'constraint', message, coalesce(nullif(hint, ''), format('Constraint %s of "%s".', coalesce(nullif(constraint_of, ''), nullif(column_of, ''), 'in a trigger'), coalesce(nullif(relation_of, ''), table_name))))::tidemark.outcome
      when state like '54%' then row(n, 'rejected', null, null, null, null, null, 'too_large', message, hint)::tidemark.outcome
      when state like '22%' then row(n, 'rejected', null, null, null, null, null, 'invalid_value', message, hint)::tidemark.outcome
      else row(n, 'rejected', null, null, null, null, null, 'constraint', message, hint)::tidemark.outcome
    end
  );
end
$$;

-- All mutations that can be applied; the others rejected one by one. A list that fails is halved, a
-- short one taken apart.
create function tidemark.apply_mutations(device uuid, mutations tidemark.mutation[], targets tidemark.push_target[], exact boolean)
returns tidemark.outcome[]
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  size int := cardinality(mutations);
  outcomes tidemark.outcome[] := '{}';
  state text;
  message text;
  hint text;
  schema_of text;
  constraint_of text;
  relation_of text;
  column_of text;
begin
  if size = 0 then
    return outcomes;
  end if;
  begin
    return tidemark.apply_all(device, mutations, targets, exact);
  exception when assert_failure or others then
    get stacked diagnostics
      state = returned_sqlstate, message = message_text, hint = pg_exception_hint, schema_of = schema_name,
      constraint_of = constraint_name, relation_of = table_name, column_of = column_name;
    -- not the mutation's fault: deadlock, serialization, resources, shutdown, corruption
    if state ~ '^(40|53|57|58|55P03|XX001|XX002)' then
      raise;
    end if;
  end;
  if size = 1 then
    return array[tidemark.rejection((mutations[1]).n, state, message, hint, (mutations[1]).table_name,
      schema_of, constraint_of, relation_of, column_of)];
  elsif size > 8 then
    return tidemark.apply_mutations(device, mutations[:size / 2], targets, exact)
      || tidemark.apply_mutations(device, mutations[size / 2 + 1:], targets, exact);
  end if;
  -- One by one: each may fail by itself.
  for i in 1..size loop
    outcomes := outcomes || tidemark.apply_mutations(device, mutations[i:i], targets, exact);
  end loop;
  return outcomes;
end
$$;

-- The same, and what was refused because something else was not there yet, or still there, is tried
-- again as long as that helps: taking the list apart must not make its order matter.
create function tidemark.apply_batch(device uuid, mutations tidemark.mutation[], exact boolean)
returns tidemark.outcome[]
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  targets tidemark.push_target[] := tidemark.push_targets(array(select distinct m.table_no from unnest(mutations) m));
  outcomes tidemark.outcome[] := tidemark.apply_mutations(device, mutations, targets, exact);
  again tidemark.mutation[];
  answers tidemark.outcome[];
begin
  loop
    again := array(
      select m from unnest(mutations) m
      join unnest(outcomes) o on o.n = m.n
      where o.code in ('foreign_key', 'unique', 'not_found')
        -- an edit that came after it and stands must not be overwritten
        and not exists (
          select from unnest(mutations) l
          join unnest(outcomes) a on a.n = l.n
          where l.table_no = m.table_no and l.id = m.id and l.n > m.n and a.code is null)
      order by m.n);
    exit when cardinality(again) in (0, cardinality(mutations));
    answers := tidemark.apply_mutations(device, again, targets, exact);
    exit when not exists (select from unnest(answers) o where o.code is null);
    outcomes := array(
      select o from unnest(outcomes) o where o.n not in (select a.n from unnest(answers) a)) || answers;
  end loop;
  return outcomes;
end
$$;

-- Mutations that an earlier call already decided: what it said, and the rows as they are now, where the
-- caller may read them.
create function tidemark.repeat_answers(mutations tidemark.mutation[], heard jsonb, exact boolean)
returns tidemark.outcome[]
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  part record;
  outcomes tidemark.outcome[] := array(
    select row(
      m.n, 'duplicate', null, null,
      (select array_agg(l) from jsonb_array_elements_text(said.answer -> 'lost') l),
      said.answer ->> 'copy_id', (said.answer ->> 'conflict_id')::uuid,
      said.answer ->> 'code', said.answer ->> 'message', said.answer ->> 'hint'
    )::tidemark.outcome
    from unnest(mutations) m
    cross join lateral (select heard -> m.seq::text as answer) said);
begin
  -- One table at a time: each is another relation.
  for part in
    select m.table_no, array_agg(m) as mutations, array_agg(m.id) as ids
    from unnest(mutations) m
    where m.table_no is not null and m.id is not null
    group by m.table_no
  loop
    begin
      outcomes := array(
        select row(o.n, o.status, c.version, case when not c.deleted then c."row" end,
          o.lost, o.copy_id, o.conflict_id, o.code, o.message, o.hint)::tidemark.outcome
        from unnest(outcomes) o
        join unnest(part.mutations) m on m.n = o.n
        left join tidemark.current_rows(tidemark.table_by_no(part.table_no), part.ids, exact) c on c.row_id = m.id
        union all
        select o from unnest(outcomes) o where o.n not in (select m.n from unnest(part.mutations) m));
    exception when insufficient_privilege or data_exception then
      null;
    end;
  end loop;
  return outcomes;
end
$$;

create function public.sync_push(device_id uuid, mutations json, options json default '{}')
returns json
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  skew interval;
  exact boolean;
  sent tidemark.mutation[];
  sound int;
  first_seq bigint;
  device record;
  outcomes tidemark.outcome[];
  last_seq bigint;
  kept jsonb;
  outside int[] := '{}';
  results json;
  batch text;
begin
  perform tidemark.require_user();
  options := coalesce(options, '{}');
  if json_typeof(options) <> 'object' then
    perform tidemark.refuse(400, 'malformed', 'options: expected an object');
  end if;
  perform tidemark.require_protocol(options);
  perform tidemark.require_device(sync_push.device_id);
  perform tidemark.check_batch(mutations);
  exact := tidemark.wants_exact(options);
  if options ->> 'client_time' !~ '^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$' then
    perform tidemark.refuse(400, 'malformed', 'options.client_time: expected an RFC 3339 instant');
  end if;
  begin
    -- What the device's clock must be moved by to be right.
    skew := coalesce(now() - (options ->> 'client_time')::timestamptz, '0');
  exception when data_exception then
    perform tidemark.refuse(400, 'malformed', 'options.client_time: expected an RFC 3339 instant');
  end;
  if (options -> 'unheard_from')::text !~ '^([1-9]\d{0,14}|null)$' then
    perform tidemark.refuse(400, 'malformed', 'options.unheard_from: expected a seq');
  end if;
  sent := tidemark.check_sequence(tidemark.read_mutations(mutations, 1, skew));

  device := tidemark.lock_device(sync_push.device_id);
  batch := case when cardinality(sent) = 0 then device.last_batch else md5(mutations::text) end;
  select count(*) filter (where (u.m).seq > device.last_seq and (u.m).code is null), min((u.m).seq), greatest(device.last_seq, max((u.m).seq))
    into sound, first_seq, last_seq
  from (select unnest(sent) as m) u;
  if sound = cardinality(sent) then
    outcomes := tidemark.apply_batch(sync_push.device_id, sent, exact);
  else
    outcomes := array(
        select row(m.n, 'rejected', null, null, null, null, null, m.code, m.message, m.hint)::tidemark.outcome
        from unnest(sent) m
        where m.seq > device.last_seq and m.code is not null
      ) || tidemark.apply_batch(
        sync_push.device_id, array(select m from unnest(sent) m where m.seq > device.last_seq and m.code is null), exact
      ) || tidemark.repeat_answers(
        array(select m from unnest(sent) m where m.seq <= device.last_seq), device.outcomes, exact);
  end if;
  perform tidemark.announce(null, null);

  -- The device repeats what it was not answered; so what is older than its oldest mutation here has been
  -- heard. A batch that was split on the way says where it began.
  select coalesce(jsonb_object_agg(k.seq, k.answer), '{}') into kept
  from (
    select h.key as seq, h.value as answer from jsonb_each(device.outcomes) h
    where first_seq is null or h.key::bigint >= least(first_seq, (options ->> 'unheard_from')::bigint)
    union all
    select m.seq::text, jsonb_strip_nulls(jsonb_build_object('lost', o.lost, 'copy_id', o.copy_id,
      'conflict_id', o.conflict_id, 'code', o.code, 'message', o.message, 'hint', o.hint))
    from unnest(outcomes) o
    join (select (u.m).n, (u.m).seq from (select unnest(sent) as m) u) m on m.n = o.n and m.seq > device.last_seq
    where o.code is not null or o.lost is not null or o.copy_id is not null or o.conflict_id is not null
  ) k;
  perform tidemark.finish_push(sync_push.device_id, last_seq, kept, batch, (
    select jsonb_object_agg(t.name, t.counts)
    from (
      select c.name, jsonb_object_agg(c.status, c.n) as counts
      from (
        select case when m.table_no is null then '' else m.table_name end as name, o.status, count(*) as n
        from unnest(outcomes) o join (select (u.m).n, (u.m).table_no, (u.m).table_name from (select unnest(sent) as m) u) m on m.n = o.n
        group by 1, 2
      ) c
      group by c.name
    ) t
  ));

  -- A row of a scope that the caller is not in would stay on the device for good, for no pull speaks of it.
  if exists (select from unnest(outcomes) o where o."row" is not null) then
    outside := array(
      with places as materialized (
        select t.table_no, t.scope_column, tidemark.my_keys(t.scope_kind) as keys
        from (select distinct (u.m).table_no from (select unnest(sent) as m) u) d
        cross join lateral tidemark.table_by_no(d.table_no) t
        where t.scope_kind <> 'public'
      )
      select o.n
      from unnest(outcomes) o
      join (select (u.m).n, (u.m).table_no from (select unnest(sent) as m) u) m on m.n = o.n
      join places p on p.table_no = m.table_no
      where o."row" is not null and (o."row" ->> p.scope_column) <> all (p.keys)
    );
  end if;

  -- Assembled as text: a row's own nulls must stay, and most results are three short fields.
  select ('[' || coalesce(string_agg(
    '{"seq":' || m.seq || ',"status":"' || o.status || '"'
    || coalesce(',"version":' || o.version, '')
    || case when o.status = 'applied' and o."row" is null then '' else
      case when o.n = any (outside) then '' else coalesce(',"row":' || o."row"::text, '') end
      || coalesce(',"lost":' || to_json(o.lost)::text, '')
      || coalesce(',"copy_id":' || to_json(o.copy_id)::text, '')
      || coalesce(',"conflict_id":' || to_json(o.conflict_id)::text, '')
      || case when o.code is null then ''
        else ',"error":' || json_build_object('code', o.code, 'message', o.message, 'hint', coalesce(o.hint, ''))::text end
    end || '}',
    ',' order by m.n), '') || ']')::json into results
  from (select (u.m).n, (u.m).seq from (select unnest(sent) as m) u) m
  join unnest(outcomes) o on o.n = m.n;
  if cardinality(sent) > 0 and batch = device.last_batch then
    return json_build_object('results', results, 'last_seq', last_seq, 'server_time', now(), 'repeated', true);
  end if;
  return json_build_object('results', results, 'last_seq', last_seq, 'server_time', now());
end
$$;
comment on function public.sync_push(uuid, json, json) is
  'Applies a device''s queue: {results (one a mutation, same order), last_seq, server_time}. One transaction; the same seq again changes nothing.';

-- Decides one of the caller's open conflicts: {"take": "client"}, {"take": "server"} or {"row": {…}}.
-- What is written is an ordinary edit of the caller's, under their policies. The same decision again, after
-- an answer that got lost, changes nothing.
create function public.sync_resolve(conflict_id uuid, resolution json)
returns json
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  c tidemark.sync_conflicts;
  registered tidemark.live_tables;
  take text;
  wanted jsonb;
  m tidemark.mutation;
  o tidemark.outcome;
begin
  perform tidemark.require_user();
  if json_typeof(resolution) is distinct from 'object'
    or not coalesce(resolution ->> 'take' in ('client', 'server'), json_typeof(resolution -> 'row') = 'object', false) then
    perform tidemark.refuse(400, 'malformed', 'resolution: expected {"take": "client"}, {"take": "server"} or {"row": {…}}');
  end if;
  take := case when resolution ->> 'take' in ('client', 'server') then resolution ->> 'take' else 'row' end;
  wanted := case when take = 'row' then (resolution -> 'row')::jsonb end;
  select k.* into c from tidemark.open_conflicts() k where k.conflict_id = sync_resolve.conflict_id;
  if not found then
    select k.* into c from tidemark.decided_conflict(sync_resolve.conflict_id, take, wanted) k;
  end if;
  if c.conflict_id is null or c.table_no <> all ((tidemark.tables_to_pull(null)).tables) then
    perform tidemark.refuse(404, 'conflict_not_open', 'no open conflict of yours has this id',
      'It was resolved, or the row has moved on: list sync_conflicts again.');
  end if;
  registered := tidemark.table_by_no(c.table_no);
  if take <> 'server' and c.resolved_at is null then
    m := (tidemark.read_mutations(json_build_array(json_build_object(
      'seq', 1, 'table', registered.name, 'id', c.row_id,
      'op', case when take = 'client' and c.op = 'delete' then 'delete' else 'patch' end,
      -- the row as it is now: the caller has seen both sides
      'base', (select r.version from tidemark.row_states(registered, array[c.row_id]) r),
      'data', case when take = 'client' then c.client else wanted - registered.key_column end)), 1, '0'))[1];
    if m.code is not null then
      o := row(1, 'rejected', null, null, null, null, null, m.code, m.message, m.hint)::tidemark.outcome;
    else
      -- no device's own: the one that raised the conflict has not heard of it
      o := (tidemark.apply_batch(null, array[m], false))[1];
    end if;
    perform tidemark.announce(null, null);
  end if;
  if o.status = 'rejected' then
    return json_build_object('conflict_id', c.conflict_id, 'status', 'rejected',
      'error', json_build_object('code', o.code, 'message', o.message, 'hint', coalesce(o.hint, '')));
  end if;
  perform tidemark.close_conflict(c.conflict_id, take, wanted);
  return (
    select json_build_object('conflict_id', c.conflict_id, 'status', 'resolved', 'version', r.version,
      'row', case when not r.deleted then r."row" end)
    from (select) one
    left join tidemark.current_rows(registered, array[c.row_id], false) r on true
  );
end
$$;
comment on function public.sync_resolve(uuid, json) is
  'Decides a conflict: resolution is {"take": "client" | "server"} or {"row": {…}}. Answers {conflict_id, status: resolved | rejected, version, row, error?}.';
