-- A DELETE on a synced table makes a tombstone, and follows the foreign keys as Postgres would. tidemark.add_table
-- installs the triggers; tidemark.purge deletes tombstones for good.

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
comment on column tidemark.deleting.depth is
  'How deep in triggers the row was collected, then where it was taken: a statement inside of another takes none of '
  'the outer one''s, which is not done collecting.';
comment on column tidemark.deleting.taken is
  'A trigger is dealing with it, and is not done: it holds no other row back.';
comment on column tidemark.deleting.for_good is 'It becomes no tombstone.';

-- What may go for good in the running transaction: of a purge, and of a delete whose parent is gone.
-- A caller of set_config can forge a setting, so this table has the word, which its owner alone
-- writes; the setting of the same name only spares every other delete the look at it.
create unlogged table tidemark.purging (
  xact xid8 not null default pg_current_xact_id(),
  what text not null,
  constraint purging_pkey primary key (xact),
  constraint tombstones_go_or_all_rows check (what in ('tombstones', 'rows'))
);
comment on table tidemark.purging is 'Transactions in which a delete is final, empty between purges.';

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
    -- as in tidemark.current_column_names, which costs too much for every row
    select a.attname
    from pg_catalog.pg_index i
    join pg_catalog.pg_attribute a on a.attrelid = tg_relid and a.attnum = i.indkey[0]
    where i.indrelid = tg_relid and i.indisprimary
  ), tg_argv[1]))
  on conflict do nothing;
  return null;
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
  target record := tidemark.synced_table_info(parent);
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
            message = format(
              'delete on table "%s" violates foreign key constraint "%s" on table "%s"',
              parent::regclass, fk.name, fk.relation),
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
      select
        g.relation::regclass as parent, p.key_column as parent_key, p.key_type as parent_key_type,
        p.table_no as parent_no,
        k.child::regclass as child, k.soft_key as child_key, k.soft_no as child_no, k.pairing
      from (
        select distinct d.relation
        from tidemark.deleting d
        where d.xact = pg_current_xact_id() and d.for_good and d.depth = erase.depth
      ) g
      cross join lateral tidemark.synced_table_info(g.relation) p
      cross join lateral tidemark.foreign_keys_to(g.relation) k
      where k.action in ('a', 'r', 'c') and k.soft_no is not null
    loop
      execute format(
        'insert into tidemark.deleting (table_no, row_id, relation, depth, taken, for_good)
         select distinct %1$s, tidemark_child.%2$I::text, %3$s::oid, $1, true, true
         from %4$s tidemark_child, %5$s tidemark_parent
         where %6$s
           and tidemark_parent.%7$I = any (array(
             select d.row_id from tidemark.deleting d
             where d.xact = pg_current_xact_id() and d.table_no = %8$s and d.for_good and d.depth = $1)::%9$s[])
           and not exists (
             select from tidemark.deleting d
             where d.xact = pg_current_xact_id() and d.table_no = %1$s
               and d.row_id = tidemark_child.%2$I::text and d.for_good)
         on conflict on constraint deleting_pkey do update set for_good = true',
        fk.child_no, fk.child_key, fk.child::oid, fk.child, fk.parent, fk.pairing,
        fk.parent_key, fk.parent_no, fk.parent_key_type
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
           select d.row_id from tidemark.deleting d
           where d.xact = pg_current_xact_id() and d.table_no = %1$s and d.for_good and d.depth = $1)::%4$s[])
           returning %1$s as table_no, %5$s as scope, tidemark_row.%3$I::text as row_id,
             tidemark_row.version, tidemark_row.deleted_at
       )',
      t.table_no, g.relation::regclass, t.key_column, t.key_type, t.scope), ', ')
    || ' insert into tidemark.sync_changes (scope, table_no, row_id, op, version, user_id)
         select g.scope, g.table_no, g.row_id, ''delete'', g.version + 1, auth.uid() from ('
    || string_agg('select * from gone_' || t.table_no, ' union all ') || ') g where g.deleted_at is null'
    into statement
  from (
    select distinct d.relation
    from tidemark.deleting d
    where d.xact = pg_current_xact_id() and d.for_good and d.depth = erase.depth
  ) g
  cross join lateral tidemark.synced_table_info(g.relation) t;
  perform tidemark.start_purging('rows');
  execute statement using depth;
  perform tidemark.stop_purging();
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
  target record := tidemark.synced_table_info(relation);
  parent_gone text := tidemark.parent_gone(relation);
  orphans text[];
begin
  -- A parent that is really gone (auth.users, or a purged row) takes its rows with it: a tombstone would
  -- point at nothing, and keep what its owner asked to be erased.
  if parent_gone is not null then
    execute format(
      'select array_agg(tidemark_child.%1$I::text)
       from %2$s tidemark_child
       where tidemark_child.%1$I = any ($1::%3$s[]) and (%4$s)',
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

-- Deletes what was collected, and what that takes along, as one: a row that goes in the same statement holds
-- no other back, whichever foreign key comes to it first.
create function tidemark.delete_collected()
returns trigger
language plpgsql
-- Like a foreign key's own cascade, not subject to the caller's policies on other tables; and a SELECT policy that
-- hides tombstones would refuse the caller's own update.
security definer
set search_path = pg_catalog, pg_temp
as $$
declare
  here int := pg_trigger_depth();
  batch record;
  orphaned boolean := false;
begin
  -- The end of a cascade of this very function, which goes on with its rows.
  if exists (
    select from tidemark.deleting d where d.xact = pg_current_xact_id() and d.taken and d.depth = here - 1
  ) then
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
      and exists (
        select from pg_catalog.pg_constraint k
        where k.contype = 'f' and k.confrelid = d.relation and k.confdeltype = 'a')
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
