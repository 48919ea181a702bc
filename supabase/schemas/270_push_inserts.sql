-- Push of new rows: one statement a table. Edits (290_push_edits.sql) use the checks of this file as well.

-- Tells the log trigger which row was edited when, by which device; '' takes it back.
create function tidemark.set_push_context(device uuid, mutations tidemark.mutation[])
returns void
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  perform
    set_config('tidemark.device', coalesce(device::text, ''), true),
    set_config('tidemark.edited_rows', coalesce(array_agg((listed.mutation).id)::text, ''), true),
    set_config('tidemark.edited_at', coalesce(array_agg((listed.mutation).edited_at)::text, ''), true)
  from (select unnest(mutations) as mutation) listed;
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

-- Refuses rows that point at a tombstone, as the foreign key would if the parent were really gone, and like
-- it asks only where its columns were written: `written` has them as keys, an object a row; null is all. (Plain
-- SQL can put a row under a tombstone, and that is to be edited like any other.) The parents are held, so
-- that none becomes one meanwhile.
create function tidemark.refuse_orphans(table_no int, ids text[], written jsonb[] default null)
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
    select k.name, k.parent::regclass as parent, k.columns, k.pairing
    from tidemark.foreign_keys k
    join tidemark.live_tables p on p.relation = k.parent
    where k.child = registered.relation
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
    ) into orphaned using case when written is null then ids
      else array(select w.id from unnest(ids, written) as w (id, data) where w.data ?| fk.columns) end;
    if orphaned then
      raise exception using
        errcode = 'foreign_key_violation',
        message = format('insert or update on table "%s" violates foreign key constraint "%s"',
          registered.relation::regclass, fk.name),
        constraint = fk.name,
        table = registered.table_name,
        hint = format('The row of "%s" it points to was deleted.', fk.parent);
    end if;
  end loop;
end
$$;

-- New rows. Null where an id is taken, by anyone's row or tombstone, or a column is not the caller's to
-- insert: nothing is overwritten here, and nothing stored in part. Raises where a trigger of the app's let
-- fewer rows in than there are: which, only taking the list apart will tell, as the caller may not be able to
-- see them.
create function tidemark.insert_rows(target tidemark.push_target, mutations tidemark.mutation[], exact boolean)
returns tidemark.outcome[]
language plpgsql
volatile
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
declare
  registered tidemark.live_tables := target.registered;
  insert_list text;
  insert_values text;
  ids text[];
  stored bigint;
  violated text;
  outcomes tidemark.outcome[];
begin
  if target.not_insertable <> '{}'
    and exists (select from unnest(mutations) m where m.data ?| target.not_insertable)
  then
    return null;
  end if;
  -- A column that no row has is left out, so that Postgres itself fills in its default: written out, that would
  -- need a right to the schemas of what it names. Where only some rows have it there is no other way; what
  -- this refuses for want of that right goes through when the list is taken apart.
  select
      string_agg(quote_ident(c.name), ', ' order by c.n),
      string_agg(
        case when c.fallback is null or s.by_all then c.value
          else format('case when tidemark_m.tidemark_data ? %L then %s else %s end', c.name, c.value, c.fallback) end,
        ', ' order by c.n)
    into insert_list, insert_values
  from unnest(target.insert_columns, target.insert_values, target.insert_defaults)
    with ordinality as c (name, value, fallback, n)
  left join lateral (
    select bool_and((listed.mutation).data ? c.name) as by_all, bool_or((listed.mutation).data ? c.name) as by_some
    from (select unnest(mutations) as mutation) listed
    where c.fallback is not null
  ) s on true
  where c.fallback is null or s.by_some;
  -- A plain insert that fails on a taken id, rather than "on conflict do nothing", which costs every
  -- row a second look at the index.
  begin
    execute format(
      'insert into %1$s (%2$s) overriding system value
       select %3$s
       from (
         select (listed.mutation).id as tidemark_id, (listed.mutation).data as tidemark_data,
           pg_catalog.jsonb_populate_record(null::%1$s, %4$s) as tidemark_r
         from (select unnest($1) as mutation) listed
         offset 0
       ) tidemark_m',
      target.row_type, insert_list, insert_values, target.insert_data
    ) using mutations;
    get diagnostics stored = row_count;
    if stored < cardinality(mutations) then
      raise exception using
        errcode = 'triggered_action_exception',
        message = format('a trigger of "%s" kept this row out', registered.name),
        hint = 'Change what the trigger does not let through, and send it again.';
    end if;
  exception when unique_violation or triggered_action_exception then
    get stacked diagnostics violated = constraint_name;
    ids := array(select m.id from unnest(mutations) m);
    if violated = target.key_constraint
      -- the trigger came before the key: it may have kept out a second row of an id
      or stored < cardinality(mutations) and (
        exists (select from tidemark.row_states(registered, ids))
        or exists (select from tidemark.lock_rows(registered.table_no, ids)))
    then
      return null;
    end if;
    raise;
  end;
  if target.has_parents then
    perform tidemark.refuse_orphans(registered.table_no, array(select m.id from unnest(mutations) m));
  end if;
  if not target.may_differ
    and not exists (
      select from (select unnest(mutations) as mutation) listed
      where not (listed.mutation).data ?& target.defaulted)
  then
    return (
      select array_agg(row(
        (listed.mutation).n, 'applied', 1, null, null, null, null, null, null, null)::tidemark.outcome)
      from (select unnest(mutations) as mutation) listed
    );
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
         select
           (listed.mutation).n as tidemark_n, (listed.mutation).id as tidemark_id,
           (listed.mutation).data as tidemark_data,
           pg_catalog.jsonb_populate_record(null::%5$s, %6$s) as tidemark_r
         from (select unnest($1) as mutation) listed
         offset 0
       ) tidemark_m
       left join %5$s t on t.%1$I = tidemark_m.tidemark_id::%4$s',
      registered.key_column, target.stored, target.sent, registered.key_type, target.row_type, target.insert_data,
      tidemark.pulled_columns(registered.relation, exact)
    ) into outcomes using mutations, target.generated, target.defaulted;
  exception when insufficient_privilege then
    outcomes := array(
      select row(m.n, 'applied', 1, null, null, null, null, null, null, null)::tidemark.outcome
      from unnest(mutations) m);
  end;
  return outcomes;
end
$$;
