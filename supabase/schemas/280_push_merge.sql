-- Push onto rows that another device may have changed: they are locked, compared with what the device knew, and merged
-- column by column by the rules of 120_conflict_rules.sql. 290_push_edits.sql writes what is left to write.

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
comment on type tidemark.edit is 'An edit of a row that exists, on its way through the merge.';

-- Locks the rows that the mutations name and says what is there. Only in scopes of members is a tombstone told from a
-- row that never was.
create function tidemark.find_rows(target tidemark.push_target, mutations tidemark.mutation[])
returns tidemark.edit[]
language plpgsql
volatile
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
declare
  registered tidemark.live_tables := target.registered;
  ids text[] := array(select mutation.id from unnest(mutations) mutation);
  edits tidemark.edit[];
  mine jsonb;
begin
  select coalesce(jsonb_object_agg(locked.row_id, locked.deleted), '{}') into mine
  from tidemark.lock_rows(registered.table_no, ids) locked;
  -- Rows outside of the caller's scopes that the policies nevertheless let the caller update.
  if target.may_update and exists (select from unnest(ids) id where not mine ? id) then
    execute format(
      'select from %s t where t.%I = any ($1::%s[]) order by t.%2$I for no key update',
      registered.relation::regclass, registered.key_column, registered.key_type
    ) using array(select id from unnest(ids) id where not mine ? id);
  end if;
  select array_agg(row(
    mutation.n, mutation.id, mutation.op, coalesce(mutation.base, 0),
    mutation.seq, mutation.data - target.fixed, mutation.old, mutation.data - target.fixed, mutation.edited_at,
    case
      when not visible.deleted then 'live'
      when visible.deleted or (mine ->> mutation.id)::boolean and registered.scope_kind <> 'public' then 'gone'
      else 'missing'
    end,
    visible.version, false, coalesce(mutation.data ?| target.generated, false), null, null, null, null
  )::tidemark.edit)
  into edits
  from unnest(mutations) mutation
  left join tidemark.row_states(registered, ids) visible on visible.row_id = mutation.id;
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
      format('%1$L, row((pair.mine).%1$I)::record operator(pg_catalog.>) row((pair.theirs).%1$I)::record',
        a.attname), ', '))
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

-- For the policy keep_both: inserts the device's version as a row of its own, as the caller, and answers its id.
create function tidemark.copy_row(target tidemark.push_target, ours jsonb, edit tidemark.edit)
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
    else edit.id || '-' || left(gen_random_uuid()::text, 8) end;
begin
  if copy_id is null then
    raise exception using
      errcode = '23502', message = 'keep_both: the key column has no sequence to take a new id from';
  end if;
  if tidemark.insert_rows(target, array[row(
    edit.n, edit.seq, registered.name, registered.table_no, 'put', copy_id, null,
    ours - target.fixed - array(
      select column_name from unnest(target.not_readable) column_name where not edit.sent ? column_name),
    null, edit.edited_at, 1, null, null, null
  )::tidemark.mutation], false) is null then
    raise insufficient_privilege;
  end if;
  return copy_id;
end
$$;

-- Applies the policies that look at the whole edit: function, keep_both, manual.
create function tidemark.settle_edits(target tidemark.push_target, edits tidemark.edit[], device uuid)
returns tidemark.edit[]
language plpgsql
volatile
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
declare
  registered tidemark.live_tables := target.registered;
  edit tidemark.edit;
  theirs jsonb;
  ours jsonb;
  verdict jsonb;
  settled tidemark.edit[] := '{}';
begin
  -- One at a time: conflicts are rare, and each may call the app's function or write a row of its own.
  foreach edit in array edits loop
    if edit.undecided is not null then
      execute format(
        'select pg_catalog.to_jsonb(%4$s), pg_catalog.to_jsonb(pg_catalog.jsonb_populate_record(%4$s, $1))
         from %1$s tidemark_row
         where tidemark_row.%2$I = $2::%3$s',
        target.row_type, registered.key_column, registered.key_type, target.visible_row
      ) into theirs, ours using edit.sent, edit.id;
      if registered.conflict like 'function:%' then
        execute format('select %s($1, $2, $3, $4)', tidemark.function_name(substr(registered.conflict, 10)))
          into verdict
          using theirs, ours, edit.old, jsonb_build_object(
            'table', registered.name, 'id', edit.id, 'op', edit.op, 'columns', edit.undecided,
            'edited_at', edit.edited_at,
            'device_id', device, 'user_id', auth.uid(), 'base_version', greatest(edit.base, 0), 'version', edit.version,
            'client_is_newer', edit.edited_at >=
              (tidemark.last_change(registered.table_no, edit.id, device) ->> 'edited_at')::timestamptz);
        edit.data := edit.data || coalesce((
          select jsonb_object_agg(column_name, verdict -> column_name) from unnest(edit.undecided) column_name
          where verdict ? column_name and verdict -> column_name is distinct from theirs -> column_name), '{}');
        edit.lost := nullif(coalesce(edit.lost, '{}') || array(
          select column_name from unnest(edit.undecided) column_name
          where coalesce(verdict -> column_name, theirs -> column_name)
            is not distinct from theirs -> column_name), '{}');
        edit.undecided := null;
      elsif registered.conflict = 'keep_both' then
        edit.copy_id := tidemark.copy_row(target, ours, edit);
        edit.data := '{}';
      else
        edit.conflict_id := tidemark.park_conflict(
          registered.table_no, edit.id, device, edit.seq, edit.op, edit.undecided,
          (select jsonb_object_agg(column_name, ours -> column_name) from unnest(edit.undecided) column_name), theirs,
          (
            select jsonb_object_agg(column_name, edit.old -> column_name)
            from unnest(edit.undecided) column_name
            where edit.old ? column_name
          ),
          greatest(edit.base, 0), edit.edited_at);
      end if;
    end if;
    settled := settled || edit;
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
       edit.n, edit.id, edit.op, edit.base, edit.seq, edit.sent, edit.old, coalesce(decided.kept, ''{}''),
       edit.edited_at, edit.row_state, edit.version,
       not history.complete or history.everything is not null or history.columns <> ''{}''
         or history.beside or decided.own,
       edit.echo, decided.lost, decided.undecided, null, null
     )::tidemark.edit)
     from unnest($1) edit
     join tidemark.changed_since($2, $3, $4, $8, $5, $10) history on history.row_id = edit.id
     join %1$s tidemark_row on tidemark_row.%2$I = edit.id::%3$s
     cross join lateral (
       select
         pg_catalog.to_jsonb(pair.mine) as mine,
         pg_catalog.to_jsonb(pg_catalog.jsonb_populate_record(pair.theirs, edit.old)) as before,
         pg_catalog.to_jsonb(pair.theirs) as theirs,
         %5$s as client_is_greater
       from (select %4$s as theirs, pg_catalog.jsonb_populate_record(%4$s, edit.data) as mine) pair
       offset 0
     ) sides
     cross join lateral (
       select
         jsonb_object_agg(merged_column.key, merged_column.kept) filter (where merged_column.kept is not null) as kept,
         array_agg(merged_column.key order by merged_column.key) filter (where merged_column.overruled) as lost,
         array_agg(merged_column.key order by merged_column.key) filter (where merged_column.undecided) as undecided,
         coalesce(bool_or(merged_column.own), false) as own
       from (
         select field.key,
           case
             when not clash.overlap then field.value
             when resolved.value is not null and resolved.value is distinct from sides.theirs -> field.key
               then resolved.value
           end as kept,
           clash.overlap and clash.own as own,
           clash.overlap and resolved.value is null as undecided,
           clash.overlap and tidemark.is_overruled(
             clash.rule, sides.theirs -> field.key, sides.mine -> field.key,
             case when edit.old ? field.key then sides.before -> field.key end, resolved.value
             ) as overruled
         from jsonb_each(edit.data) field
         cross join lateral (
           -- an edit that was made on top of it names it as old
           select case
             when coalesce(edit.old ? field.key, false)
               and sides.before -> field.key is distinct from sides.theirs -> field.key
               then (history.own ->> field.key)::timestamptz
           end as at
         ) own
         cross join lateral (
           select
             coalesce($6 ->> field.key, $7) as rule,
             greatest(own.at, case
               when history.complete then greatest((history.columns ->> field.key)::timestamptz, history.everything)
               else tidemark_row.updated_at
             end) as at
         ) latest
         cross join lateral (
           select latest.at, own.at is not null as own,
             case
               when own.at is null
                 or latest.rule in (''sum'', ''union'', ''max'', ''min'', ''deep'', ''merge'')
                 or latest.rule like ''function:%%'' then latest.rule
               else ''newest''
             end as rule,
             latest.at is not null
             -- the same change twice is one change, but for a sum
             and (sides.mine -> field.key is distinct from sides.theirs -> field.key or latest.rule = ''sum'')
             and not (
               coalesce(edit.old ? field.key, false)
               and sides.before -> field.key is not distinct from sides.mine -> field.key) as overlap
         ) clash
         left join lateral (
           select tidemark.resolve_column(
             clash.rule, sides.theirs -> field.key, sides.mine -> field.key,
             case when edit.old ? field.key then sides.before -> field.key end,
             edit.edited_at >= clash.at, (sides.client_is_greater -> field.key)::boolean) as value
           where clash.overlap
         ) resolved on true
         -- what is sent along unchanged, or stands there already, is not written again: null and arrays
         -- are less in JSON than they are in SQL
         where not (
             coalesce(edit.old ? field.key, false)
             and (sides.before -> field.key)::text is not distinct from (sides.mine -> field.key)::text)
           and (clash.overlap
             or sides.mine -> field.key is distinct from sides.theirs -> field.key
             or field.key = any ($9)
             -- 1.0 and 1.00 are one number to jsonb
             or (sides.mine -> field.key)::text is distinct from (sides.theirs -> field.key)::text)
       ) merged_column
     ) decided',
    target.row_type, registered.key_column, registered.key_type, target.visible_row, tidemark.comparisons(target)
  ) into merged
  using edits, registered.table_no,
    array(select edit.id from unnest(edits) edit), array(select edit.base from unnest(edits) edit), device,
    registered.columns, case when registered.conflict like 'function:%' then 'undecided' else registered.conflict end,
    array(select edit.version from unnest(edits) edit), target.not_readable,
    array(select edit.edited_at from unnest(edits) edit);
  if exists (select from unnest(merged) edit where edit.undecided is not null) then
    return tidemark.settle_edits(target, merged, device);
  end if;
  return merged;
end
$$;
