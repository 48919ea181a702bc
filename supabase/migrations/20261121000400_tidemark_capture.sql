-- Capture: what happens to a syncable table whoever writes to it (the app through the Data API, a
-- push, plain SQL). Row triggers stamp; one statement trigger with transition tables writes the log
-- for the whole statement, so bulk SQL stays fast. A delete becomes a tombstone.
-- tidemark.add_table (20261121000500) installs these with the arguments
--   table_no, key column, scope prefix, scope column ('' where the scope is 'public').
--
-- The functions are security definer: whoever may write to the app's table need not, and must not,
-- be able to write to the log.
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

-- A row becomes a tombstone by DELETE, which asks the DELETE policy and follows the foreign keys; only
-- the table's owner may set or clear deleted_at by hand. The trigger's WHEN clause calls it only then.
create function tidemark.refuse_deleted_at()
returns trigger
language plpgsql
security invoker -- asks who is writing
set search_path = pg_catalog, pg_temp
as $$
begin
  if not pg_has_role(current_user, (select c.relowner from pg_catalog.pg_class c where c.oid = tg_relid), 'member') then
    raise exception using
      errcode = 'TM016',
      message = format('deleted_at_is_not_yours: rows of "%s" are deleted with DELETE', tg_relid::regclass),
      hint = 'Delete the row instead of setting deleted_at; a deleted row is not brought back, put a new one.';
  end if;
  return new;
end
$$;

-- Stamps an update; one that changes nothing keeps its version and is not logged. Its arguments name
-- the generated columns, which a before trigger does not see.
create function tidemark.stamp_update()
returns trigger
language plpgsql
security definer -- compares by hstore: whoever may write to the table need have no right to its schema
set search_path = pg_catalog, pg_temp
as $$
begin
  new.version := old.version;
  new.updated_at := old.updated_at;
  if new operator(pg_catalog.*<>) old
    and (tg_nargs = 0
      or extensions.delete(extensions.hstore(new), tg_argv) operator(extensions.<>) extensions.delete(extensions.hstore(old), tg_argv))
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
create function tidemark.names_now(relation oid, table_no int, key_column text, scope_column text)
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
      where c.relname = 'tidemark_scope_' || names_now.table_no
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
  names text[] := tidemark.names_now(tg_relid, tg_argv[0]::int, tg_argv[1], tg_argv[3]);
begin
  if (select count(*) from (select from tidemark_new limit 101) some_rows) > 100 then
    execute format(
      'insert into tidemark.sync_changes (scope, table_no, row_id, op, version, user_id, device_id, edited_at)
       select %1$s, $1, tidemark_row.%2$I::text, ''insert'', tidemark_row.version, a.user_id, a.device_id, e.edited_at
       from tidemark_new tidemark_row
       cross join tidemark.actor() a
       left join lateral unnest(a.row_ids, a.edited_at) as e (row_id, edited_at) on e.row_id = tidemark_row.%2$I::text',
      case when names[2] = '' then quote_literal('public') else format('%L || tidemark_row.%I', tg_argv[2], names[2]) end,
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
  names text[] := tidemark.names_now(tg_relid, tg_argv[0]::int, tg_argv[1], tg_argv[3]);
begin
  if (select count(*) from (select from tidemark_new limit 101) some_rows) > 100 then
    execute (
      select format(
        'insert into tidemark.sync_changes (scope, table_no, row_id, op, version, columns, user_id, device_id, edited_at)
         select e.scope, $1, p.row_id, e.op, p.version, case when e.op = ''update'' then p.columns end, a.user_id, a.device_id, w.edited_at
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
        case when names[2] = '' then quote_literal('public') else format('%L || tidemark_n.%I', tg_argv[2], names[2]) end,
        case when names[2] = '' then quote_literal('public') else format('%L || tidemark_o.%I', tg_argv[2], names[2]) end,
        string_agg(
          -- byte by byte, as the stamp does: equal numbers may be written differently
          format('case when row(tidemark_n.%1$I)::record operator(pg_catalog.*<>) row(tidemark_o.%1$I)::record then %1$L end', a.attname),
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
      case when o.fields is not null then case when names[2] = '' then 'public' else tg_argv[2] || (o.fields operator(extensions.->) names[2]) end end as old_scope,
      case when n.fields is not null then case when names[2] = '' then 'public' else tg_argv[2] || (n.fields operator(extensions.->) names[2]) end end as new_scope,
      coalesce(n.version, o.version + 1) as version,
      (n.fields operator(extensions.->) 'deleted_at') is not null and (o.fields operator(extensions.->) 'deleted_at') is null as deleted,
      extensions.akeys(extensions.delete(n.fields operator(extensions.-) o.fields, '{version,updated_at}'::text[])) as columns
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

-- Foreign keys, and their condition between tidemark_parent and tidemark_child: compared as the constraint does,
-- by its own operators and in the parent's collation. Another = may say something else of the same values
-- (citext), and there may be none in pg_catalog. The copies that a partitioned parent makes are left out.
create view tidemark.foreign_keys with (security_invoker = true) as
select
  k.conname as name, k.conrelid as child, k.confrelid as parent, k.confdeltype as action, pairs.pairing, pairs.columns, pairs.reset
from pg_catalog.pg_constraint k
cross join lateral (
  select
    string_agg(format('tidemark_parent.%I%s operator(%I.%s) tidemark_child.%I',
      pa.attname, case when l.oid is not null then format(' collate %I.%I', cn.nspname, l.collname) end, n.nspname, o.oprname, ca.attname), ' and ') as pairing,
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

-- Rows that the running DELETE statement asked for and the caller's policies let through.
-- They are collected row by row and turned into tombstones in one go at the end of the statement:
-- updating them one at a time would cost a statement each, and would trip over a DELETE that meets
-- a row its own cascade already touched.
create unlogged table tidemark.deleting (
  xact xid8 not null default pg_current_xact_id(),
  table_no int not null,
  row_id text collate "C" not null,
  relation oid not null,
  depth int not null,
  taken boolean not null default false,
  for_good boolean not null default false,
  constraint deleting_pkey primary key (xact, table_no, row_id)
);
comment on table tidemark.deleting is 'Scratch space of the delete trigger, empty between statements.';
comment on column tidemark.deleting.depth is 'How deep in triggers the row was collected, then where it was taken: a statement inside of another takes none of the outer one''s, which is not done collecting.';
comment on column tidemark.deleting.taken is 'A trigger is dealing with it, and is not done: it holds no other row back.';
comment on column tidemark.deleting.for_good is 'It becomes no tombstone.';
alter table tidemark.deleting enable row level security;

-- What may go for good in the running transaction: of a purge, and of a delete whose parent is gone.
-- Whoever can call set_config can forge a setting, so this table has the word, which its owner alone
-- writes; the setting of the same name only spares every other delete the look at it.
create unlogged table tidemark.purging (
  xact xid8 not null default pg_current_xact_id(),
  what text not null,
  constraint purging_pkey primary key (xact),
  constraint tombstones_go_or_all_rows check (what in ('tombstones', 'rows'))
);
comment on table tidemark.purging is 'Transactions in which a delete is final, empty between purges.';
alter table tidemark.purging enable row level security;

create function tidemark.start_purging(what text)
returns void
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  insert into tidemark.purging (what) values (start_purging.what)
  on conflict on constraint purging_pkey do update set what = excluded.what;
  perform set_config('tidemark.purging', 'on', true);
end
$$;

create function tidemark.stop_purging()
returns void
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  delete from tidemark.purging p where p.xact = pg_current_xact_id();
  perform set_config('tidemark.purging', '', true);
end
$$;

create function tidemark.collect_delete()
returns trigger
language plpgsql
security definer -- writes tidemark.deleting
set search_path = pg_catalog, pg_temp
as $$
begin
  -- Nested: the inner condition is a query, and almost no delete needs it.
  if current_setting('tidemark.purging', true) <> '' then
    if exists (
      select from tidemark.purging p
      where p.xact = pg_current_xact_id() and (p.what = 'rows' or old.deleted_at is not null)
    ) then
      return old;
    end if;
  end if;
  insert into tidemark.deleting (relation, depth, table_no, row_id)
  values (tg_relid, pg_trigger_depth(), tg_argv[0]::int, extensions.hstore(old) operator(extensions.->) coalesce((
    -- as in tidemark.names_now, which costs too much for every row
    select a.attname
    from pg_catalog.pg_index i
    join pg_catalog.pg_attribute a on a.attrelid = tg_relid and a.attnum = i.indkey[0]
    where i.indrelid = tg_relid and i.indisprimary
  ), tg_argv[1]))
  on conflict do nothing;
  return null;
end
$$;

-- A relation with the triggers of a synced table, which may have another name than the registry knows: its
-- number, its key, and as SQL the scope of tidemark_row.
create function tidemark.captured(relation oid, out table_no int, out key_column name, out key_type text, out scope text)
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
  select t.table_no, n.names[1], format_type(tidemark.base_type(key.atttypid), -1),
      case when t.scope_kind = 'public' then quote_literal('public') else format('%L || tidemark_row.%I', t.scope_kind || ':', n.names[2]) end
    into table_no, key_column, key_type, scope
  from pg_catalog.pg_trigger g
  join tidemark.sync_tables t on t.table_no = split_part(encode(g.tgargs, 'escape'), '\000', 1)::int
  cross join lateral (select tidemark.names_now(g.tgrelid, t.table_no, t.key_column, coalesce(t.scope_column, '')) offset 0) as n (names)
  join pg_catalog.pg_attribute key on key.attrelid = g.tgrelid and key.attname = n.names[1] and not key.attisdropped
  where g.tgrelid = captured.relation and g.tgname = 'tidemark_deleted';
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
    cross join lateral tidemark.captured(k.child) soft
    where k.parent = foreign_keys_to.parent;
end
$$;

-- Deletes what was collected, and what that takes along, as one: a row that goes in the same statement holds
-- no other back, whichever foreign key comes to it first.
create function tidemark.delete_collected()
returns trigger
language plpgsql
security definer -- like a foreign key's own cascade, not subject to the caller's policies on other tables; and a SELECT policy that hides tombstones would refuse the caller's own update
set search_path = pg_catalog, pg_temp
as $$
declare
  here int := pg_trigger_depth();
  batch record;
  orphaned boolean := false;
begin
  -- The end of a cascade of this very function, which goes on with its rows.
  if exists (select from tidemark.deleting d where d.xact = pg_current_xact_id() and d.taken and d.depth = here - 1) then
    return null;
  end if;
  -- One relation at a time, and a round for each step of the cascades.
  loop
    for batch in
      with taken as (
        update tidemark.deleting d set taken = true, depth = here
        where d.xact = pg_current_xact_id() and not d.taken and d.depth >= here
        returning d.relation, d.row_id
      )
      select t.relation, array_agg(t.row_id) as ids from taken t group by t.relation
    loop
      -- Not by OR, which need not call what stands beside a true.
      if tidemark.bury(batch.relation, batch.ids) then
        orphaned := true;
      end if;
    end loop;
    exit when not found;
  end loop;
  for batch in
    select d.relation, array_agg(d.row_id) as ids
    from tidemark.deleting d
    where d.xact = pg_current_xact_id() and d.taken and d.depth = here
      and exists (select from pg_catalog.pg_constraint k where k.contype = 'f' and k.confrelid = d.relation and k.confdeltype = 'a')
    group by d.relation
  loop
    perform tidemark.follow_foreign_keys(batch.relation, batch.ids, true);
  end loop;
  if orphaned then
    perform tidemark.erase(here);
  end if;
  delete from tidemark.deleting d where d.xact = pg_current_xact_id() and d.taken and d.depth = here;
  return null;
end
$$;

-- Makes tombstones of rows and goes on to those that point at them. True where some are to go for good.
create function tidemark.bury(relation oid, ids text[])
returns boolean
language plpgsql
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
declare
  target record := tidemark.captured(relation);
  parent_gone text := tidemark.parent_gone(relation);
  orphans text[];
begin
  -- A parent that is really gone (auth.users, or a purged row) takes its rows with it: a tombstone would
  -- point at nothing, and keep what its owner asked to be erased.
  if parent_gone is not null then
    execute format(
      'select array_agg(tidemark_child.%1$I::text) from %2$s tidemark_child where tidemark_child.%1$I = any ($1::%3$s[]) and (%4$s)',
      target.key_column, relation::regclass, target.key_type, parent_gone
    ) into orphans using ids;
    if orphans is not null then
      update tidemark.deleting d set for_good = true
      where d.xact = pg_current_xact_id() and d.table_no = target.table_no and d.row_id = any (orphans);
    end if;
  end if;

  -- First the rows themselves: a cascade that comes round to them again finds them done.
  execute format(
    'update %1$s as tidemark_row set deleted_at = now()
     where tidemark_row.%2$I = any ($1::%3$s[]) and tidemark_row.%2$I <> all (coalesce($2, ''{}'')::%3$s[])
       and tidemark_row.deleted_at is null',
    relation::regclass, target.key_column, target.key_type
  ) using ids, orphans;
  perform tidemark.follow_foreign_keys(relation, ids, false);
  return orphans is not null;
end
$$;

-- Deletes for good what is to go so, with the tombstones that point at it: they are not the living rows that
-- NO ACTION and RESTRICT are to save. In one statement, at whose end foreign keys look at what is left.
create function tidemark.erase(depth int)
returns void
language plpgsql
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
declare
  fk record;
  n bigint;
  found_some boolean;
  statement text;
begin
  -- One foreign key at a time, until none leads any further.
  loop
    found_some := false;
    for fk in
      select g.relation::regclass as parent, p.key_column as parent_key, p.key_type as parent_key_type, p.table_no as parent_no,
        k.child::regclass as child, k.soft_key as child_key, k.soft_no as child_no, k.pairing
      from (select distinct d.relation from tidemark.deleting d where d.xact = pg_current_xact_id() and d.for_good and d.depth = erase.depth) g
      cross join lateral tidemark.captured(g.relation) p
      cross join lateral tidemark.foreign_keys_to(g.relation) k
      where k.action in ('a', 'r', 'c') and k.soft_no is not null
    loop
      execute format(
        'insert into tidemark.deleting (table_no, row_id, relation, depth, taken, for_good)
         select distinct %1$s, tidemark_child.%2$I::text, %3$s::oid, $1, true, true
         from %4$s tidemark_child, %5$s tidemark_parent
         where %6$s
           and tidemark_parent.%7$I = any (array(
             select d.row_id from tidemark.deleting d where d.xact = pg_current_xact_id() and d.table_no = %8$s and d.for_good and d.depth = $1)::%9$s[])
           and not exists (
             select from tidemark.deleting d
             where d.xact = pg_current_xact_id() and d.table_no = %1$s and d.row_id = tidemark_child.%2$I::text and d.for_good)
         on conflict on constraint deleting_pkey do update set for_good = true',
        fk.child_no, fk.child_key, fk.child::oid, fk.child, fk.parent, fk.pairing, fk.parent_key, fk.parent_no, fk.parent_key_type
      ) using depth;
      get diagnostics n = row_count;
      found_some := found_some or n > 0;
    end loop;
    exit when not found_some;
  end loop;

  select 'with ' || string_agg(format(
      'gone_%1$s as (
         delete from %2$s as tidemark_row
         where tidemark_row.%3$I = any (array(
           select d.row_id from tidemark.deleting d where d.xact = pg_current_xact_id() and d.table_no = %1$s and d.for_good and d.depth = $1)::%4$s[])
         returning %1$s as table_no, %5$s as scope, tidemark_row.%3$I::text as row_id, tidemark_row.version, tidemark_row.deleted_at
       )',
      t.table_no, g.relation::regclass, t.key_column, t.key_type, t.scope), ', ')
    || ' insert into tidemark.sync_changes (scope, table_no, row_id, op, version, user_id)
         select g.scope, g.table_no, g.row_id, ''delete'', g.version + 1, auth.uid() from ('
    || string_agg('select * from gone_' || t.table_no, ' union all ') || ') g where g.deleted_at is null'
    into statement
  from (select distinct d.relation from tidemark.deleting d where d.xact = pg_current_xact_id() and d.for_good and d.depth = erase.depth) g
  cross join lateral tidemark.captured(g.relation) t;
  perform tidemark.start_purging('rows');
  execute statement using depth;
  perform tidemark.stop_purging();
end
$$;

-- What ON DELETE says, for a parent that stays in the table as a tombstone: rows that reference it
-- are deleted, set to null or to their default, or the delete is refused. Tombstones among the
-- referencing rows do not count, nor do those that are being deleted too. RESTRICT refuses at once;
-- NO ACTION looks late, at what all cascades leave.
create function tidemark.follow_foreign_keys(parent oid, ids text[], late boolean)
returns void
language plpgsql
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
declare
  target record := tidemark.captured(parent);
  fk record;
  referencing text;
  found_one boolean;
begin
  -- One foreign key at a time: each has its own table, columns and action.
  for fk in
    select k.*, k.child::regclass as relation
    from tidemark.foreign_keys_to(parent) k
    where (k.action = 'a') = late
    order by case k.action when 'r' then 0 else 1 end, k.name
  loop
    referencing := format(
      '%s and tidemark_parent.%I = any ($1::%s[])%s',
      fk.pairing, target.key_column, target.key_type,
      case when fk.soft_no is not null then ' and tidemark_child.deleted_at is null' else '' end
    );
    case
      when fk.action in ('a', 'r') then
        execute format(
          'select exists (select from %s tidemark_child, %s tidemark_parent where %s%s)',
          fk.relation, parent::regclass, referencing,
          case when fk.soft_no is not null then format(
            ' and not exists (
                select from tidemark.deleting d
                where d.xact = pg_current_xact_id() and d.table_no = %s and d.row_id = tidemark_child.%I::text)',
            fk.soft_no, fk.soft_key) else '' end
        ) into found_one using ids;
        if found_one then
          raise exception using
            errcode = 'foreign_key_violation',
            message = format('delete on table "%s" violates foreign key constraint "%s" on table "%s"', parent::regclass, fk.name, fk.relation),
            constraint = fk.name,
            table = fk.relation::text,
            hint = 'Delete the rows that reference it first.';
        end if;
      when fk.action = 'c' then
        execute format(
          'delete from %s tidemark_child using %s tidemark_parent where %s',
          fk.relation, parent::regclass, referencing
        ) using ids;
      else
        execute format(
          'update %s tidemark_child set %s from %s tidemark_parent where %s',
          fk.relation, fk.reset, parent::regclass, referencing
        ) using ids;
    end case;
  end loop;
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
    message = format('truncate_refused: "%s" is synced, and truncate would leave its rows on every device', tg_relid::regclass),
    hint = format('Use "delete from %s", or tidemark.remove_table first.', tg_relid::regclass);
end
$$;
