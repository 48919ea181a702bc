-- The cursor of sync_pull is a Postgres snapshot: a device has seen exactly the transactions that were visible in it.
-- An entry is new when its transaction is visible now and was not visible then; so the order in which transactions
-- commit does not matter, and a long one holds up no other.
--
-- On the wire it is opaque. Inside:
--   epoch         which database this is; another one answers reset
--   tables        numbers of the tables that the device holds, or is downloading
--   seen          snapshot: every log entry visible in it has been delivered
--   window_end    the end of an open window: its entries are visible here and not in seen
--   after         the place up to which the open window has been delivered: [xact, id]
--   at            when the cursor was given out, by the server's clock; a minute later on a standby, whose clock is
--                 not the one that entries are written by
--   initial_sync  what is still to be downloaded from the tables themselves:
--                 [[table_no, scope key, after row key, only this scope], …]
--   shapes        the columns that the rows of its tables had: {table_no: a hash of them}
--   paused        tables that the last calls left out: {table_no: the snapshot when they were left out}
--   done, total   progress of the initial sync

-- The snapshot of this call. A standby reports running transactions through xmin alone (its list is empty), and would
-- call them visible: there every transaction from xmin on counts as not yet seen.
create function tidemark.snapshot_now()
returns pg_snapshot
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select case when pg_is_in_recovery()
      then format('%1$s:%1$s:', pg_snapshot_xmin(pg_current_snapshot()))::pg_snapshot
      else pg_current_snapshot()
    end
  );
end
$$;

-- The snapshot of the transactions that were visible in each of some snapshots. The order of these does not matter: one
-- from a replica may be behind an earlier one.
create function tidemark.seen_by_all(snapshots pg_snapshot[])
returns pg_snapshot
language plpgsql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select format('%s:%s:%s', bounds.first, bounds.last, (
      select string_agg(running.xact::text, ',' order by running.xact)
      from (
        select distinct started.xact
        from unnest(snapshots) s
        cross join lateral pg_snapshot_xip(s) as started (xact)
        where started.xact < bounds.last
      ) running
    ))::pg_snapshot
    from (
      select
        (array_agg(pg_snapshot_xmin(s) order by pg_snapshot_xmin(s)))[1] as first,
        (array_agg(pg_snapshot_xmax(s) order by pg_snapshot_xmax(s)))[1] as last
      from unnest(snapshots) s
    ) bounds
    where bounds.first is not null
  );
end
$$;

-- Whether a cursor's past is still this database's past. It is not when
--   * it comes from another database (epoch), or from one that was ahead of this one;
--   * entries that it has not seen were purged, or a table it holds is no longer synced;
--   * transaction numbers were given out twice (a restore in place): then a scope holds an entry that
--     the cursor counts as seen, or that is ahead of every transaction here, although it was written
--     after the cursor was given out. Files are put back while the server is stopped, so only a cursor
--     from before its start (clocks may differ by a minute) is looked at so closely. Entries are found by
--     the scope's hash alone: asking for the scope too makes the planner expect one entry, and read and
--     sort all of them.
create function tidemark.cursor_is_lost(
  epoch text, seen pg_snapshot, window_end pg_snapshot, at timestamptz, tables int[]
)
returns boolean
language plpgsql
stable
security definer -- reads the log, only for the scopes the caller is in
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
begin
  return (
    select
      epoch <> tidemark.epoch()
      or pg_snapshot_xmax(coalesce(window_end, seen)) > pg_snapshot_xmax(pg_current_snapshot())
        and not pg_is_in_recovery()
      or exists (
        select from unnest(tables) held (no)
        where held.no not in (select known.table_no from tidemark.sync_tables known))
      or exists (
        select from tidemark.settings s
        where s.purged_in = cursor_is_lost.epoch
          and (
            pg_snapshot_xmax(seen) <= s.purged_to
            or exists (
              -- was running then, and has ended since: its entries may be among the purged
              select from pg_snapshot_xip(seen) as running (xact)
              where running.xact <= s.purged_to and pg_visible_in_snapshot(running.xact, pg_current_snapshot()))
          )
      )
      or at < pg_postmaster_start_time() + interval '1 minute' and exists (
        select
        from unnest(tidemark.my_scopes()) as mine (scope)
        cross join lateral (
          select entry.xact, entry.at from tidemark.sync_changes entry
          where entry.scope_key = hashtextextended(mine.scope, 0)
          order by entry.xact desc, entry.id desc
          limit 1
        ) newest
        where newest.at > cursor_is_lost.at
          and (
            newest.xact >= pg_snapshot_xmax(pg_current_snapshot())
            or (
              select entry.at from tidemark.sync_changes entry
              where entry.scope_key = hashtextextended(mine.scope, 0)
                and entry.xact < pg_snapshot_xmax(seen) and pg_visible_in_snapshot(entry.xact, seen)
              order by entry.xact desc, entry.id desc
              limit 1
            ) > cursor_is_lost.at
          )
      )
  );
end
$$;

-- Scopes that the caller joined and left in a window. A scope that was left and joined again, or whose membership
-- changed, is both: its rows are dropped and downloaded again.
create function tidemark.moves_between_scopes(
  seen pg_snapshot, window_end pg_snapshot, out joined text[], out "left" text[]
)
language plpgsql
stable
security definer -- reads the caller's own scope of the log
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
#variable_conflict use_column
begin
  select moves.* into joined, "left"
  from (
    select
      coalesce(array_agg(moved.scope order by moved.scope) filter (where moved.member), '{}'),
      coalesce(array_agg(moved.scope order by moved.scope) filter (where moved.has_left or not moved.member), '{}')
    from (
      select
        entry.row_id as scope,
        entry.row_id = any (tidemark.my_scopes()) as member,
        bool_or(entry.op = 'leave') as has_left
      from tidemark.sync_changes entry
      where entry.scope_key = hashtextextended('user:' || auth.uid(), 0)
        and entry.scope = 'user:' || auth.uid()
        and entry.xact >= pg_snapshot_xmin(seen)
        and entry.xact < pg_snapshot_xmax(window_end)
        and entry.table_no = 0
        and not pg_visible_in_snapshot(entry.xact, seen)
        and pg_visible_in_snapshot(entry.xact, window_end)
      group by entry.row_id
    ) moved
  ) moves;
end
$$;

-- The next entries of a window, for the caller's scopes: table, scope and row of each, as three arrays in the log's
-- order, and the place of the last entry. The page ends at the window's end by number as well as by visibility: a
-- restored dump may have brought any number of entries from far ahead. A row is named as often as it changed; sync_pull
-- then reads its current state.
create function tidemark.log_page(
  seen pg_snapshot,
  window_end pg_snapshot,
  after_xact xid8,
  after_id bigint,
  tables int[],
  max_entries int,
  out table_nos int[],
  out scopes text[],
  out row_ids text[],
  out entries int,
  out last_xact xid8,
  out last_id bigint
)
language plpgsql
stable
security definer -- reads the log, only for the scopes the caller is in
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
set enable_bitmapscan = off -- the index has the order: a scope's entries are neither all read nor sorted
as $$
#variable_conflict use_column
begin
  select page.* into table_nos, scopes, row_ids, entries, last_xact, last_id
  from (
    select
      array_agg(found.table_no), array_agg(found.scope), array_agg(found.row_id), count(*)::int,
      (array_agg(found.xact))[count(*)], (array_agg(found.id))[count(*)]
    from (
      select of_scope.*
      from unnest(tidemark.my_scopes()) as mine (scope)
      cross join lateral (
        select entry.xact, entry.id, entry.table_no, entry.scope, entry.row_id
        from tidemark.sync_changes entry
        where entry.scope_key = hashtextextended(mine.scope, 0) and entry.scope = mine.scope
          and (entry.xact, entry.id) > (after_xact, after_id)
          and entry.xact < pg_snapshot_xmax(window_end)
          and not pg_visible_in_snapshot(entry.xact, seen)
          and pg_visible_in_snapshot(entry.xact, window_end)
          and entry.table_no = any (tables)
        order by entry.xact, entry.id
        limit max_entries
      ) of_scope
      order by of_scope.xact, of_scope.id
      limit max_entries
    ) found
  ) page;
end
$$;
