-- The cursor is a Postgres snapshot: a device has seen exactly the transactions that were visible in
-- it. What is new is what is visible now and was not visible then; so the order in which
-- transactions commit does not matter, and a long one holds nobody else up.
--
-- On the wire it is opaque. Inside:
--   epoch          which database this is; another one answers reset
--   tables         numbers of the tables the device holds, or is downloading
--   seen           snapshot: every log entry visible in it has been delivered
--   upto, after    an open window: entries between seen and upto, delivered up to after = [xact, id]
--   boot           tables still to be downloaded from the table itself: [[table_no, after key], …]
--   done, total    progress of that download

-- What is visible now. A standby reports running transactions through xmin alone (its list is
-- empty), and would call them visible: there everything from xmin on counts as not yet seen.
create function tidemark.snapshot_now()
returns pg_snapshot
language sql
stable
security invoker
set search_path = ''
as $$
  select case when pg_is_in_recovery()
    then format('%1$s:%1$s:', pg_snapshot_xmin(pg_current_snapshot()))::pg_snapshot
    else pg_current_snapshot()
  end
$$;

-- Transaction numbers mean nothing in another cluster, or after a failover that lost commits.
create function tidemark.epoch()
returns text
language sql
stable
security definer -- reads the settings
set search_path = ''
as $$
  select left(md5(concat_ws(':', s.epoch, system.system_identifier, checkpoint.timeline_id)), 16)
  from tidemark.settings s
  cross join pg_control_system() system
  cross join pg_control_checkpoint() checkpoint
$$;

-- The keys of one kind that the caller belongs to: a scope is <kind>:<key>.
create function tidemark.my_keys(kind text)
returns text[]
language sql
stable
security invoker
set search_path = ''
as $$
  select case kind when 'user' then array[auth.uid()::text] else '{}' end
$$;

-- The scopes the caller belongs to.
create function tidemark.my_scopes()
returns text[]
language sql
stable
security invoker
set search_path = ''
as $$
  select array['public', 'user:' || auth.uid()]
$$;

-- The next entries of a window, for the caller's scopes: table, scope and row of each, as three arrays
-- in the log's order, and the last one's place. A row is named as often as it changed; what gets read
-- is its current state.
create function tidemark.log_page(
  seen pg_snapshot,
  upto pg_snapshot,
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
language sql
stable
security definer -- reads the log, only for the scopes the caller is in
set search_path = ''
as $$
  select
    array_agg(f.table_no), array_agg(f.scope), array_agg(f.row_id), count(*)::int,
    (array_agg(f.xact))[count(*)], (array_agg(f.id))[count(*)]
  from (
    select e.*
    from unnest(tidemark.my_scopes()) as mine (scope)
    cross join lateral (
      select c.xact, c.id, c.table_no, c.scope, c.row_id
      from tidemark.sync_changes c
      where c.scope = mine.scope
        and (c.xact, c.id) > (after_xact, after_id)
        and not pg_visible_in_snapshot(c.xact, seen)
        and pg_visible_in_snapshot(c.xact, upto)
        and c.table_no = any (tables)
      order by c.xact, c.id
      limit max_entries
    ) e
    order by e.xact, e.id
    limit max_entries
  ) f
$$;
