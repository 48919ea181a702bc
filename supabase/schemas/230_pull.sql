-- Pull: what is new for a device since its cursor. It writes nothing, so it runs on replicas and by GET. Security
-- invoker: rows are read under the caller's own policies, and an entry whose row the caller may not see becomes a
-- remove. The edge functions sync and sync-pull call it, and clients do.

create function public.sync_pull(device_id uuid, "cursor" json default null, options json default '{}')
returns json
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  present pg_snapshot := tidemark.snapshot_now();
  rows_left int;
  exact boolean;
  tables int[];
  position jsonb;
  paused jsonb := '{}';
  shapes jsonb;
  known jsonb := '{}';
  resumed pg_snapshot;
  held int[] := '{}';
  seen pg_snapshot := present;
  window_end pg_snapshot;
  after_xact xid8;
  after_id bigint;
  initial_sync jsonb := '[]';
  done bigint;
  total bigint;
  was_open boolean;
  caught_up boolean := true;
  joined text[] := '{}';
  left_scopes text[] := '{}';
  pages record;
  downloaded tidemark.change[] := '{}';
  table_nos int[] := '{}';
  scopes text[];
  row_ids text[];
  entries bigint := 0;
  more boolean;
  next_cursor jsonb;
begin
  perform tidemark.require_user();
  options := coalesce(options, '{}');
  if json_typeof(options) <> 'object' then
    perform tidemark.raise_api_error(400, 'malformed', 'options: expected an object');
  end if;
  perform tidemark.require_protocol(options);
  perform tidemark.require_device(sync_pull.device_id);
  rows_left := tidemark.page_limit(options);
  exact := tidemark.wants_exact(options);
  select covered.tables, covered.shapes into tables, shapes
  from tidemark.tables_to_pull(
    tidemark.text_array(options -> 'tables', 'options.tables'), 'options.tables[%s]'
  ) covered;

  begin
    position := nullif("cursor"::jsonb, 'null');
    if position is not null then
      held := array(select jsonb_array_elements_text(position -> 'tables')::int);
      seen := (position ->> 'seen')::pg_snapshot;
      window_end := (position ->> 'window_end')::pg_snapshot;
      after_xact := (position -> 'after' ->> 0)::xid8;
      after_id := (position -> 'after' ->> 1)::bigint;
      initial_sync := coalesce(position -> 'initial_sync', '[]');
      paused := coalesce(position -> 'paused', '{}');
      known := coalesce(position -> 'shapes', '{}');
      done := (position ->> 'done')::bigint;
      total := (position ->> 'total')::bigint;
      if seen is null or position ->> 'epoch' is null or (position ->> 'at')::timestamptz is null
        or jsonb_typeof(initial_sync) <> 'array' or jsonb_typeof(paused) <> 'object' or jsonb_typeof(known) <> 'object'
        or exists (select from jsonb_array_elements(initial_sync) place where (place ->> 0)::int is null)
        or exists (
          select from jsonb_each_text(paused) pause where pause.key::int is null or pause.value::pg_snapshot is null)
      then
        raise data_exception;
      end if;
    end if;
  exception when data_exception or invalid_parameter_value then
    perform tidemark.raise_api_error(400, 'malformed', 'cursor: not one that sync_pull gave out',
      'Send the last cursor unchanged, or none.');
  end;
  if position is not null then
    -- A replica may be behind the cursor: the transactions that it lacks count as not yet seen.
    if pg_is_in_recovery() then
      seen := tidemark.seen_by_all(array[seen, present]);
      window_end := case when window_end is not null then tidemark.seen_by_all(array[window_end, present]) end;
    end if;
    -- A table that is asked for again goes on where it was left: the window starts that early for all tables, and an
    -- entry that the others get twice changes nothing. A purge may have deleted entries since that only this table has
    -- not seen.
    select tidemark.seen_by_all(array_agg(pause.value::pg_snapshot) || seen) into resumed
    from jsonb_each_text(paused) pause
    where pause.key::int = any (tables)
    having count(*) > 0;
    if tidemark.cursor_is_lost(position ->> 'epoch', seen, window_end, (position ->> 'at')::timestamptz, held)
      or resumed is not null
        and tidemark.cursor_is_lost(position ->> 'epoch', resumed, null, (position ->> 'at')::timestamptz, held)
    then
      return json_build_object('changes', '[]'::json, 'joined', '[]'::json, 'left', '[]'::json,
        'cursor', null, 'more', true, 'reset', true, 'server_time', now());
    end if;
    caught_up := false;
    if resumed is not null then
      seen := resumed;
      window_end := null;
      after_xact := null;
    end if;
    paused := (
      select coalesce(jsonb_object_agg(pause.no, pause.at), '{}')
      from (
        select key::int as no, value as at from jsonb_each_text(paused)
        union
        select held_table.no, seen::text from unnest(held) held_table (no) where not paused ? held_table.no::text
        ) pause
        where pause.no <> all (tables)
    );
  end if;
  was_open := window_end is not null;
  if position is null then
    joined := (tidemark.my_scopes())[3:]; -- the shared ones, also those that hold no row yet
  end if;

  -- Tables that this cursor does not cover yet, or not with the columns of now, are downloaded first. A table that was
  -- left out in the middle of its download begins again.
  held := array(
    select held_table.no
    from unnest(held) as held_table (no)
    where coalesce(known -> held_table.no::text = shapes -> held_table.no::text, true));
  initial_sync := (
    select coalesce(jsonb_agg(waiting.place order by waiting.n), '[]')
    from (
      select rest.place, rest.n
      from jsonb_array_elements(initial_sync) with ordinality as rest (place, n)
      where (rest.place ->> 0)::int = any (tables) and (rest.place ->> 0)::int = any (held)
      union all
      select jsonb_build_array(covered.no, null, null, null), 1000000 + covered.n
      from unnest(tables) with ordinality as covered (no, n)
      where covered.no <> all (held)
      ) waiting
  );
  held := tables || array(
    select paused_no::int
    from jsonb_object_keys(paused) paused_no
    where paused_no::int = any (held)
      and not exists (
        select from jsonb_array_elements(position -> 'initial_sync') place where place ->> 0 = paused_no));
  if initial_sync <> '[]' then
    begin
      pages := tidemark.read_pages(initial_sync, rows_left, exact);
      downloaded := pages.changes;
      entries := pages.rows_read;
      initial_sync := pages.rest;
    exception when invalid_text_representation then
      perform tidemark.raise_api_error(400, 'malformed', 'cursor: ' || sqlerrm,
        'Send the last cursor unchanged, or none.');
    end;
    rows_left := rows_left - entries;
    if position is null and initial_sync <> '[]' then
      done := 0;
      total := tidemark.count_rows(tables);
    end if;
    done := done + entries;
  end if;

  if initial_sync = '[]' and rows_left > 0 and position is not null then
    if not was_open then
      window_end := present;
      after_xact := pg_snapshot_xmin(seen);
      after_id := 0;
      select moves.joined, moves."left" into joined, left_scopes
      from tidemark.moves_between_scopes(seen, window_end) moves;
    end if;
    select
        page.table_nos, page.scopes, page.row_ids, page.entries,
        coalesce(page.last_xact, after_xact), coalesce(page.last_id, after_id)
      into table_nos, scopes, row_ids, entries, after_xact, after_id
    from tidemark.log_page(seen, window_end, after_xact, after_id, tables, rows_left) page;
    if entries < rows_left then
      seen := window_end;
      window_end := null;
      after_xact := null;
    end if;
    -- A window that an earlier call opened ends where it ended then: there may be another one by now.
    caught_up := window_end is null and not was_open;
    rows_left := rows_left - entries;
    initial_sync := (
      select coalesce(jsonb_agg(
        jsonb_build_array(covered.no, substr(joining.scope, strpos(joining.scope, ':') + 1), null, true)
        order by joining.scope, covered.n), '[]')
      from unnest(joined) as joining (scope)
      join unnest(tables) with ordinality as covered (no, n)
        on (tidemark.table_by_no(covered.no)).scope_kind = split_part(joining.scope, ':', 1)
    );
    if initial_sync <> '[]' and rows_left > 0 then
      pages := tidemark.read_pages(initial_sync, rows_left, exact);
      downloaded := downloaded || pages.changes;
      initial_sync := pages.rest;
    end if;
  end if;

  more := initial_sync <> '[]' or not caught_up;
  next_cursor := jsonb_strip_nulls(jsonb_build_object(
    'epoch', tidemark.epoch(),
    -- not now(): all that this call saw was written before this instant
    'at', clock_timestamp() + case when pg_is_in_recovery() then interval '1 minute' else interval '0' end,
    'tables', to_jsonb(held),
    'shapes', known || shapes,
    'paused', nullif(paused, '{}'),
    'seen', seen,
    'window_end', window_end,
    'after', case when after_xact is not null then jsonb_build_array(after_xact, after_id) end,
    'initial_sync', nullif(initial_sync, '[]'),
    'done', case when initial_sync <> '[]' then done end,
    'total', case when initial_sync <> '[]' then total end
  ));
  if cardinality(table_nos) > 0 then
    downloaded := tidemark.read_entries(tables, table_nos, scopes, row_ids, exact) || downloaded;
  end if;
  if total is null then
    return json_build_object('changes', coalesce(downloaded, '{}'), 'joined', joined, 'left', left_scopes,
      'cursor', next_cursor, 'more', more, 'server_time', now());
  end if;
  return json_build_object('changes', coalesce(downloaded, '{}'), 'joined', joined, 'left', left_scopes,
    'cursor', next_cursor, 'more', more, 'server_time', now(),
    'progress', json_build_object('done', done, 'total', greatest(done, total)));
end
$$;
comment on function public.sync_pull(uuid, json, json) is
  'What is new for this device since its cursor: {changes, joined, left, cursor, more, reset?, progress?, '
  'server_time}. Call again at once while more is true.';
