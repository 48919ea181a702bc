-- Push onto rows that another device may have changed: they are locked, compared with what the device knew, and merged
-- column by column by the rules of 120_conflict_rules.sql. 290_push_edits.sql writes what is left to write.

-- An edit of a row that exists, on its way through the merge.
create type tidemark.edit as (
  n int,
  id text,
  op text,
  base bigint, -- 0 where the device had no version, -1 where it had one of another past
  seq bigint,
  sent jsonb, -- as it came
  old jsonb,
  data jsonb, -- what is left to write
  edited_at timestamptz,
  row_state text, -- live, gone (a tombstone of the caller's), missing
  version bigint, -- before
  stale boolean, -- another device or user changed the row since base
  echo boolean, -- the device sent what only the database writes: show it the row
  lost text[], -- columns in which the other side stays
  undecided text[], -- columns that cannot be decided here, or that go into a copy
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
set search_path = pg_catalog, public, extensions, pg_temp
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

-- A version can have two pasts: a restored database counts on from where it was then, and a device may hold the row
-- of the past that is gone. Its edit then names as old what this row does not hold, though the number is right and
-- another writer made that version. The log since that number is of no use to such an edit: it counts as made before
-- everything. Numbers are compared as far as JSON.parse keeps them.
create function tidemark.detect_restored_versions(target tidemark.push_target, edits tidemark.edit[], device uuid)
returns tidemark.edit[]
language plpgsql
stable
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
declare
  registered tidemark.live_tables := target.registered;
  doubtful tidemark.edit[] := array(
    select e from unnest(edits) e where e.row_state = 'live' and e.version = e.base and e.old is not null);
  foreign_ids text[];
begin
  if doubtful = '{}' then
    return edits;
  end if;
  execute format(
    'select array_agg(e)
     from unnest($1) e
     join %1$s tidemark_row on tidemark_row.%2$I = e.id::%3$s
     cross join lateral (
       select w.theirs, pg_catalog.jsonb_populate_record(w.theirs, e.old) as before
       from (select %4$s as theirs) w
       offset 0
     ) v
     where not (v.before operator(pg_catalog.*=) v.theirs)
       and exists (
         select
         from jsonb_each(pg_catalog.to_jsonb(v.before)) b
         join jsonb_each(pg_catalog.to_jsonb(v.theirs)) t using (key)
         where e.old ? key and b.value <> t.value and not case
           when jsonb_typeof(b.value) = ''number'' and jsonb_typeof(t.value) = ''number''
             then abs(b.value::numeric - t.value::numeric) <= abs(t.value::numeric) * 1e-15
           else false end)',
    target.row_type, registered.key_column, registered.key_type, target.visible_row
  ) into doubtful using doubtful;
  if doubtful is null then
    return edits;
  end if;
  foreign_ids := array(
    select h.row_id
    from tidemark.changed_since(
      registered.table_no, array(select e.id from unnest(doubtful) e),
      array(select e.version - 1 from unnest(doubtful) e),
      array(select e.version from unnest(doubtful) e), device) h
    where not h.complete or h.everything is not null or h.columns <> '{}');
  return array(
    select row(
      e.n, e.id, e.op, case when e.id = any (foreign_ids) then -1 else e.base end, e.seq, e.sent, e.old, e.data,
      e.edited_at, e.row_state, e.version, e.stale, e.echo, e.lost, e.undecided, e.conflict_id, e.copy_id
      )::tidemark.edit
    from unnest(edits) e);
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
    join pg_catalog.pg_attribute a
      on a.attrelid = registered.relation and a.attname = rule.key and a.attnum > 0 and not a.attisdropped
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
    raise exception using
      errcode = '23502', message = 'keep_both: the key column has no sequence to take a new id from';
  end if;
  if tidemark.insert_rows(target, array[row(
    e.n, e.seq, registered.name, registered.table_no, 'put', copy_id, null,
    ours - target.fixed - array(select c from unnest(target.not_readable) c where not e.sent ? c), null,
    e.edited_at, 1, null, null, null
  )::tidemark.mutation], false) is null then
    raise insufficient_privilege;
  end if;
  return copy_id;
end
$$;

-- Policies that look at the whole edit: function, keep_both, manual.
create function tidemark.settle_edits(target tidemark.push_target, edits tidemark.edit[], device uuid)
returns tidemark.edit[]
language plpgsql
volatile
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
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
      execute format(
        'select pg_catalog.to_jsonb(%4$s), pg_catalog.to_jsonb(pg_catalog.jsonb_populate_record(%4$s, $1))
         from %1$s tidemark_row
         where tidemark_row.%2$I = $2::%3$s',
        target.row_type, registered.key_column, registered.key_type, target.visible_row
      ) into theirs, ours using e.sent, e.id;
      if registered.conflict like 'function:%' then
        execute format('select %s($1, $2, $3, $4)', tidemark.function_name(substr(registered.conflict, 10)))
          into verdict
          using theirs, ours, e.old, jsonb_build_object(
            'table', registered.name, 'id', e.id, 'op', e.op, 'columns', e.undecided, 'edited_at', e.edited_at,
            'device_id', device, 'user_id', auth.uid(), 'base_version', greatest(e.base, 0), 'version', e.version,
            'client_is_newer', e.edited_at >=
              (tidemark.last_change(registered.table_no, e.id, device) ->> 'edited_at')::timestamptz);
        e.data := e.data || coalesce((
          select jsonb_object_agg(k, verdict -> k) from unnest(e.undecided) k
          where verdict ? k and verdict -> k is distinct from theirs -> k), '{}');
        e.lost := nullif(coalesce(e.lost, '{}') || array(
          select k from unnest(e.undecided) k
          where coalesce(verdict -> k, theirs -> k) is not distinct from theirs -> k), '{}');
        e.undecided := null;
      elsif registered.conflict = 'keep_both' then
        e.copy_id := tidemark.copy_row(target, ours, e);
        e.data := '{}';
      else
        e.conflict_id := tidemark.park_conflict(
          registered.table_no, e.id, device, e.seq, e.op, e.undecided,
          (select jsonb_object_agg(k, ours -> k) from unnest(e.undecided) k), theirs,
          (select jsonb_object_agg(k, e.old -> k) from unnest(e.undecided) k where e.old ? k),
          greatest(e.base, 0), e.edited_at);
      end if;
    end if;
    settled := settled || e;
  end loop;
  return settled;
end
$$;

-- Merges edits with the changes of others since their base. Columns that no other writer changed are written; a value
-- that equals what is stored, or what the device had before, is no edit; the other columns are conflicts, which the
-- column's rule or the table's policy decides. A column is a conflict, too, in which an older edit, refused when it
-- came, meets a newer one of its own device: the newer one stays, unless the rule puts them together.
create function tidemark.merge_edits(target tidemark.push_target, edits tidemark.edit[], device uuid)
returns tidemark.edit[]
language plpgsql
volatile
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
declare
  registered tidemark.live_tables := target.registered;
  merged tidemark.edit[];
begin
  execute format(
    'select array_agg(row(
       e.n, e.id, e.op, e.base, e.seq, e.sent, e.old, coalesce(d.kept, ''{}''), e.edited_at, e.row_state, e.version,
       not h.complete or h.everything is not null or h.columns <> ''{}'' or h.beside or d.own, e.echo,
       d.lost, d.undecided, null, null
     )::tidemark.edit)
     from unnest($1) e
     join tidemark.changed_since($2, $3, $4, $8, $5, $10) h on h.row_id = e.id
     join %1$s tidemark_row on tidemark_row.%2$I = e.id::%3$s
     cross join lateral (
       select
         pg_catalog.to_jsonb(w.mine) as mine,
         pg_catalog.to_jsonb(pg_catalog.jsonb_populate_record(w.theirs, e.old)) as before,
         pg_catalog.to_jsonb(w.theirs) as theirs,
         %5$s as client_is_greater
       from (select %4$s as theirs, pg_catalog.jsonb_populate_record(%4$s, e.data) as mine) w
       offset 0
     ) v
     cross join lateral (
       select
         jsonb_object_agg(c.key, c.kept) filter (where c.kept is not null) as kept,
         array_agg(c.key order by c.key) filter (where c.overruled) as lost,
         array_agg(c.key order by c.key) filter (where c.undecided) as undecided,
         coalesce(bool_or(c.own), false) as own
       from (
         select k.key,
           case
             when not o.overlap then k.value
             when r.value is not null and r.value is distinct from v.theirs -> k.key then r.value
           end as kept,
           o.overlap and o.own as own,
           o.overlap and r.value is null as undecided,
           o.overlap and tidemark.is_overruled(
             o.rule, v.theirs -> k.key, v.mine -> k.key, case when e.old ? k.key then v.before -> k.key end, r.value
             ) as overruled
         from jsonb_each(e.data) k
         cross join lateral (
           -- an edit that was made on top of it names it as old
           select case when coalesce(e.old ? k.key, false) and v.before -> k.key is distinct from v.theirs -> k.key
             then (h.own ->> k.key)::timestamptz end as at
         ) own
         cross join lateral (
           select
             coalesce($6 ->> k.key, $7) as rule,
             greatest(own.at, case
               when h.complete then greatest((h.columns ->> k.key)::timestamptz, h.everything)
               else tidemark_row.updated_at
             end) as at
         ) a
         cross join lateral (
           select a.at, own.at is not null as own,
             case
               when own.at is null
                 or a.rule in (''sum'', ''union'', ''max'', ''min'', ''deep'', ''merge'')
                 or a.rule like ''function:%%'' then a.rule
               else ''newest''
             end as rule,
             a.at is not null
             -- the same change twice is one change, but for a sum
             and (v.mine -> k.key is distinct from v.theirs -> k.key or a.rule = ''sum'')
             and not (
               coalesce(e.old ? k.key, false) and v.before -> k.key is not distinct from v.mine -> k.key) as overlap
         ) o
         left join lateral (
           select tidemark.resolve_column(
             o.rule, v.theirs -> k.key, v.mine -> k.key, case when e.old ? k.key then v.before -> k.key end,
             e.edited_at >= o.at, (v.client_is_greater -> k.key)::boolean) as value
           where o.overlap
         ) r on true
         -- what is sent along unchanged, or stands there already, is not written again: null and arrays
         -- are less in JSON than they are in SQL
         where not (
             coalesce(e.old ? k.key, false)
             and (v.before -> k.key)::text is not distinct from (v.mine -> k.key)::text)
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
    array(select e.version from unnest(edits) e), target.not_readable, array(select e.edited_at from unnest(edits) e);
  if exists (select from unnest(merged) e where e.undecided is not null) then
    return tidemark.settle_edits(target, merged, device);
  end if;
  return merged;
end
$$;
