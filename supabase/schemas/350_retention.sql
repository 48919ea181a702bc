-- Retention: tombstones and log entries are kept so that devices which were away learn what happened.
-- After `keep` they go, and a device that was away longer is told to start afresh (its queue is kept).

-- What keeps a row of a table (alias tidemark_parent): rows that point at it, whatever their foreign key would do. A
-- purge must neither delete nor change a living row, and takes a tombstone after those that point at it.
create function tidemark.pointed_at(target oid)
returns text
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return coalesce((
    select string_agg(format('exists (select from %s tidemark_child where %s)', k.child::regclass, k.pairing), ' or ')
    from tidemark.foreign_keys k
    where k.parent = target
  ), 'false');
end
$$;

create function tidemark.purge(keep interval default '90 days')
returns json
language plpgsql
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
declare
  registered tidemark.live_tables;
  horizon timestamptz := now() - keep;
  purged_rows bigint := 0;
  purged_entries bigint;
  n bigint;
  newest xid8;
begin
  if keep is null or keep < interval '0' then
    perform tidemark.raise_setup_error('TM013', 'bad_retention', 'keep is no positive interval',
      'For example: select tidemark.purge(interval ''90 days'');');
  end if;
  perform tidemark.start_purging('tombstones');
  -- One table at a time, children before parents: each is another relation. A table that points at
  -- itself takes a pass for each level of its trees. What is still pointed at is left for the next time.
  for registered in
    select t.*
    from tidemark.live_tables t
    join tidemark.table_ranks() r using (table_no)
    order by r.rank desc, t.table_no
  loop
    loop
      execute format('delete from %s tidemark_parent where tidemark_parent.deleted_at < $1 and not (%s)',
        registered.relation::regclass, tidemark.pointed_at(registered.relation)) using horizon;
      get diagnostics n = row_count;
      purged_rows := purged_rows + n;
      exit when n = 0 or not exists (
        select from pg_catalog.pg_constraint k
        where k.contype = 'f' and k.conrelid = registered.relation and k.confrelid = registered.relation);
    end loop;
  end loop;
  perform tidemark.stop_purging();

  update tidemark.sync_conflicts k
  set resolved_at = now(), resolution = 'moved on'
  where k.resolved_at is null and k.conflict_id not in (select w.conflict_id from tidemark.waiting_conflicts() w);

  -- The newest transaction that loses an entry: a cursor that has not seen it has a gap. What is ahead of
  -- every transaction here came with a dump, before any cursor that counts here.
  with gone as (
    delete from tidemark.sync_changes c where c.at < horizon returning c.xact
  )
  select
      count(*),
      (
        select g.xact from gone g
        where g.xact <= pg_current_xact_id() or g.xact < pg_snapshot_xmax(pg_current_snapshot())
        order by g.xact desc limit 1
      )
    into purged_entries, newest
  from gone;
  update tidemark.settings s
  set purged_to = case when s.purged_in = tidemark.epoch() then greatest(s.purged_to, newest) else newest end,
    purged_in = tidemark.epoch()
  where s.only_row and newest is not null;
  delete from tidemark.sync_conflicts k where k.resolved_at < horizon;
  return json_build_object('rows', purged_rows, 'log_entries', purged_entries);
end
$$;
comment on function tidemark.purge(interval) is
  'Drops tombstones and log entries older than keep: {rows, log_entries}. Devices that were away longer start afresh.';

-- Nightly where pg_cron is there; elsewhere call purge() from whatever runs jobs. Asks for the call and
-- not for the extension, so that a job runner of another name with the same call serves too.
create function tidemark.schedule_purge()
returns boolean
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if to_regprocedure('cron.schedule(text,text,text)') is null then
    return false;
  end if;
  -- A job of the same name is replaced. Executed as text: without pg_cron the name means nothing.
  execute 'select cron.schedule($1, $2, $3)' using 'tidemark-purge', '17 3 * * *', 'select tidemark.purge()';
  return true;
end
$$;
comment on function tidemark.schedule_purge() is
  'Schedules tidemark.purge() every night and answers true, or false where pg_cron is missing. Call it after pg_cron '
  'was enabled later.';

select tidemark.schedule_purge();
