-- Capture: what happens to a synced table when anyone writes to it (the app through the Data API, a push, plain SQL).
-- Row triggers stamp; one statement trigger with transition tables logs the whole statement, so bulk SQL stays fast.
-- tidemark.add_table installs these triggers with the arguments
--   table_no, key column, scope prefix, scope column ('' where the scope is 'public').
--
-- The functions are security definer: a user who may write to the app's table need not, and must not, be able to write
-- to the log.
--
-- Aliases are spelled tidemark_*: a column of the app's table would win over a shorter one.

-- Stamps an insert that did not leave the stamps to their defaults. The trigger's WHEN clause
-- calls it only then: an ordinary insert pays nothing.
create function tidemark.stamp_insert()
returns trigger
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  new.version := 1;
  new.updated_at := now();
  return new;
end
$$;

-- Stamps an update; one that changes nothing keeps its version and is not logged. Its arguments name
-- the generated columns, which a before trigger does not see.
create function tidemark.stamp_update()
returns trigger
language plpgsql
security definer -- compares by hstore: a user who may write to the table may have no right to hstore's schema
set search_path = pg_catalog, pg_temp
as $$
begin
  new.version := old.version;
  new.updated_at := old.updated_at;
  if new operator(pg_catalog.*<>) old
    and (tg_nargs = 0
      or extensions.delete(extensions.hstore(new), tg_argv)
        operator(extensions.<>) extensions.delete(extensions.hstore(old), tg_argv))
  then
    new.version := old.version + 1;
    new.updated_at := now();
  end if;
  return new;
end
$$;

-- Who is behind the running statement. A push sets tidemark.device and, as two array literals,
-- which row was edited when on the device; outside of a push they are empty.
create function tidemark.actor(out user_id uuid, out device_id uuid, out row_ids text[], out edited_at timestamptz[])
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  select o.* into actor.user_id, actor.device_id, actor.row_ids, actor.edited_at
  from (
    select
      auth.uid(),
      nullif(current_setting('tidemark.device', true), '')::uuid,
      nullif(current_setting('tidemark.edited_rows', true), '')::text[],
      nullif(current_setting('tidemark.edited_at', true), '')::timestamptz[]
  ) o;
end
$$;

-- The names that the key and scope columns have now: those of the primary key and of the index on the scope,
-- which follow a column through a rename, as tidemark.live_tables does. A name proves nothing, as another
-- column may have taken it; it holds where the key or the index is gone.
create function tidemark.current_column_names(relation oid, table_no int, key_column text, scope_column text)
returns text[]
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
  return array[
    coalesce((
      select a.attname
      from pg_catalog.pg_index i
      join pg_catalog.pg_attribute a on a.attrelid = relation and a.attnum = i.indkey[0]
      where i.indrelid = relation and i.indisprimary
    ), key_column),
    case when scope_column = '' then '' else coalesce((
      select a.attname
      from pg_catalog.pg_class c
      join pg_catalog.pg_index i on i.indexrelid = c.oid and i.indrelid = relation
      join pg_catalog.pg_attribute a on a.attrelid = relation and a.attnum = i.indkey[0]
      where c.relname = 'tidemark_scope_' || current_column_names.table_no
    ), scope_column) end
  ];
end
$$;

-- A statement of many rows is logged by SQL made for its table: printing every column of every row to
-- hstore would cost more than writing them. For a statement of few rows, planning that SQL would.
create function tidemark.log_insert()
returns trigger
language plpgsql
security definer -- writes the log
set search_path = pg_catalog, pg_temp
as $$
declare
  names text[] := tidemark.current_column_names(tg_relid, tg_argv[0]::int, tg_argv[1], tg_argv[3]);
begin
  if (select count(*) from (select from tidemark_new limit 101) some_rows) > 100 then
    execute format(
      'insert into tidemark.sync_changes (scope, table_no, row_id, op, version, user_id, device_id, edited_at)
       select %1$s, $1, tidemark_row.%2$I::text, ''insert'', tidemark_row.version, a.user_id, a.device_id, e.edited_at
       from tidemark_new tidemark_row
       cross join tidemark.actor() a
       left join lateral unnest(a.row_ids, a.edited_at) as e (row_id, edited_at) on e.row_id = tidemark_row.%2$I::text',
      case when names[2] = '' then quote_literal('public')
        else format('%L || tidemark_row.%I', tg_argv[2], names[2]) end,
      names[1]
    ) using tg_argv[0]::int;
    return null;
  end if;
  insert into tidemark.sync_changes (scope, table_no, row_id, op, version, user_id, device_id, edited_at)
  select
    case when names[2] = '' then 'public' else tg_argv[2] || (n.fields operator(extensions.->) names[2]) end,
    tg_argv[0]::int,
    n.row_id,
    'insert',
    n.version,
    a.user_id,
    a.device_id,
    e.edited_at
  from (
    select f.fields, f.fields operator(extensions.->) names[1] as row_id, tidemark_row.version
    from tidemark_new tidemark_row
    cross join lateral (select extensions.hstore(tidemark_row) as fields offset 0) f
  ) n
  cross join tidemark.actor() a
  left join lateral unnest(a.row_ids, a.edited_at) as e (row_id, edited_at) on e.row_id = n.row_id;
  return null;
end
$$;

-- Pairs what a row was with what it is: an entry for where it is now, and one for where it was, if that is
-- elsewhere; a scope that is null is nowhere. A changed primary key pairs with nothing: the old id leaves as
-- deleted, the new one arrives. One statement, whose join may spill to disk: a backfill of a large table must
-- not be held in memory.
create function tidemark.log_update()
returns trigger
language plpgsql
security definer -- writes the log
set search_path = pg_catalog, pg_temp
as $$
declare
  names text[] := tidemark.current_column_names(tg_relid, tg_argv[0]::int, tg_argv[1], tg_argv[3]);
begin
  if (select count(*) from (select from tidemark_new limit 101) some_rows) > 100 then
    execute (
      select format(
        'insert into tidemark.sync_changes (
           scope, table_no, row_id, op, version, columns, user_id, device_id, edited_at)
         select e.scope, $1, p.row_id, e.op, p.version, case when e.op = ''update'' then p.columns end,
           a.user_id, a.device_id, w.edited_at
         from (
           select
             coalesce(tidemark_n.%1$I, tidemark_o.%1$I)::text as row_id,
             case when tidemark_o.version is not null then %3$s end as old_scope,
             case when tidemark_n.version is not null then %2$s end as new_scope,
             coalesce(tidemark_n.version, tidemark_o.version + 1) as version,
             tidemark_n.deleted_at is not null and tidemark_o.deleted_at is null as deleted,
             array_remove(array[%4$s], null) as columns
           from tidemark_new tidemark_n
           full join tidemark_old tidemark_o on tidemark_n.%1$I = tidemark_o.%1$I
           where (tidemark_n.version = tidemark_o.version and tidemark_n operator(pg_catalog.*=) tidemark_o) is not true
           offset 0
         ) p
         cross join lateral unnest(
           array[p.new_scope, nullif(p.old_scope, p.new_scope)],
           array[
             case when p.old_scope is null then ''insert'' when p.deleted then ''delete'' else ''update'' end,
             case when p.new_scope is null then ''delete'' else ''leave'' end
           ]::tidemark.change_op[]
         ) as e (scope, op)
         cross join tidemark.actor() a
         left join lateral unnest(a.row_ids, a.edited_at) as w (row_id, edited_at) on w.row_id = p.row_id
         where e.scope is not null',
        names[1],
        case when names[2] = '' then quote_literal('public')
          else format('%L || tidemark_n.%I', tg_argv[2], names[2]) end,
        case when names[2] = '' then quote_literal('public')
          else format('%L || tidemark_o.%I', tg_argv[2], names[2]) end,
        string_agg(
          -- byte by byte, as the stamp does: equal numbers may be written differently
          format(
            'case when row(tidemark_n.%1$I)::record operator(pg_catalog.*<>) row(tidemark_o.%1$I)::record
               then %1$L end',
            a.attname),
          ', ' order by a.attnum))
      from pg_catalog.pg_attribute a
      where a.attrelid = tg_relid and a.attnum > 0 and not a.attisdropped and a.attname not in ('version', 'updated_at')
    ) using tg_argv[0]::int;
    return null;
  end if;
  insert into tidemark.sync_changes (scope, table_no, row_id, op, version, columns, user_id, device_id, edited_at)
  select
    e.scope,
    tg_argv[0]::int,
    p.row_id,
    e.op,
    p.version,
    case when e.op = 'update' then p.columns end,
    a.user_id,
    a.device_id,
    w.edited_at
  from (
    select
      row_id,
      case
        when o.fields is null then null
        when names[2] = '' then 'public'
        else tg_argv[2] || (o.fields operator(extensions.->) names[2])
      end as old_scope,
      case
        when n.fields is null then null
        when names[2] = '' then 'public'
        else tg_argv[2] || (n.fields operator(extensions.->) names[2])
      end as new_scope,
      coalesce(n.version, o.version + 1) as version,
      (n.fields operator(extensions.->) 'deleted_at') is not null
        and (o.fields operator(extensions.->) 'deleted_at') is null as deleted,
      extensions.akeys(
        extensions.delete(n.fields operator(extensions.-) o.fields, '{version,updated_at}'::text[])) as columns
    from (
      select f.fields, f.fields operator(extensions.->) names[1] as row_id, tidemark_row.version
      from tidemark_new tidemark_row
      cross join lateral (select extensions.hstore(tidemark_row) as fields offset 0) f
    ) n
    full join (
      select f.fields, f.fields operator(extensions.->) names[1] as row_id, tidemark_row.version
      from tidemark_old tidemark_row
      cross join lateral (select extensions.hstore(tidemark_row) as fields offset 0) f
    ) o using (row_id)
    where (n.fields operator(extensions.=) o.fields) is not true
    offset 0
  ) p
  cross join lateral unnest(
    array[p.new_scope, nullif(p.old_scope, p.new_scope)],
    array[
      case when p.old_scope is null then 'insert' when p.deleted then 'delete' else 'update' end,
      case when p.new_scope is null then 'delete' else 'leave' end
    ]::tidemark.change_op[]
  ) as e (scope, op)
  cross join tidemark.actor() a
  left join lateral unnest(a.row_ids, a.edited_at) as w (row_id, edited_at) on w.row_id = p.row_id
  where e.scope is not null;
  return null;
end
$$;

-- TRUNCATE fires no row trigger and asks no policy: devices would keep the rows for ever.
create function tidemark.refuse_truncate()
returns trigger
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = 'TM010',
    message = format(
      'truncate_refused: "%s" is synced, and truncate would leave its rows on every device', tg_relid::regclass),
    hint = format('Use "delete from %s", or tidemark.remove_table first.', tg_relid::regclass);
end
$$;
