-- Retention: tombstones and log entries are kept so that devices which were away learn what happened.
-- After `keep` they go, and a device that was away longer is told to start afresh (its queue is kept).

create function tidemark.purge(keep interval default '90 days')
returns json
language plpgsql
security invoker
set search_path = ''
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
    perform tidemark.refuse_table('TM013', 'bad_retention', 'keep is no positive interval', 'For example: select tidemark.purge(interval ''90 days'');');
  end if;
  perform set_config('tidemark.purging', 'tombstones', true);
  -- One table at a time, children before parents: each is another relation. A tombstone that a row
  -- outside of sync still points at is left for the next time.
  for registered in
    select t.* from tidemark.live_tables t join tidemark.table_ranks() r using (table_no) order by r.rank desc, t.table_no
  loop
    begin
      execute format('delete from %s t where t.deleted_at < $1', registered.relation::regclass) using horizon;
      get diagnostics n = row_count;
      purged_rows := purged_rows + n;
    exception when foreign_key_violation then
      raise notice 'tombstones of "%" are still referenced and stay', registered.name;
    end;
  end loop;
  perform set_config('tidemark.purging', '', true);

  update tidemark.sync_conflicts k
  set resolved_at = now(), resolution = 'moved on'
  where k.resolved_at is null and k.conflict_id not in (select w.conflict_id from tidemark.waiting_conflicts() w);

  -- The newest transaction that loses an entry: a cursor that has not seen it has a gap.
  select c.xact into newest from tidemark.sync_changes c where c.at < horizon order by c.xact desc limit 1;
  delete from tidemark.sync_changes c where c.at < horizon;
  get diagnostics purged_entries = row_count;
  update tidemark.settings s
  set purged_to = greatest(s.purged_to, newest)
  where s.only_row and newest is not null;
  delete from tidemark.sync_conflicts k where k.resolved_at < horizon;
  return json_build_object('rows', purged_rows, 'log_entries', purged_entries);
end
$$;
comment on function tidemark.purge(interval) is
  'Drops tombstones and log entries older than keep: {rows, log_entries}. Devices that were away longer start afresh.';

-- Nightly where pg_cron is there; elsewhere call it from whatever runs jobs.
do $$
begin
  if exists (select from pg_catalog.pg_extension where extname = 'cron' or extname = 'pg_cron') then
    execute $cron$ select cron.schedule('tidemark-purge', '17 3 * * *', 'select tidemark.purge()') $cron$;
  end if;
end
$$;
