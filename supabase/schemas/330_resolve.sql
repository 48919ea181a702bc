-- Conflicts that wait for a person, as clients list and decide them. A decision is a mutation like any other, made by
-- no device.

create function public.sync_conflicts()
returns json
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  tables int[];
begin
  perform tidemark.require_user();
  tables := (tidemark.tables_to_pull(null)).tables;
  return (
    select coalesce(json_agg(json_build_object(
      'conflict_id', conflict.conflict_id, 'table', (tidemark.table_by_no(conflict.table_no)).name,
      'id', conflict.row_id, 'op', conflict.op,
      'columns', conflict.columns, 'client', conflict.client, 'server', conflict.server, 'base', conflict.base,
      'base_version', conflict.base_version, 'server_version', conflict.server_version,
      'device_id', conflict.device_id, 'edited_at', conflict.edited_at, 'created_at', conflict.created_at,
      'analysis', conflict.analysis
    ) order by conflict.created_at, conflict.conflict_id), '[]'::json)
    from tidemark.open_conflicts() conflict
    -- not of a row that the caller no longer sees, nor of a table that is gone or closed: the case keeps
    -- such a table from being read
    where case when conflict.table_no = any (tables)
      then exists (select from tidemark.row_states(tidemark.table_by_no(conflict.table_no), array[conflict.row_id])) end
  );
end
$$;
comment on function public.sync_conflicts() is
  'The caller''s open conflicts: [{conflict_id, table, id, op, columns, client, server, base, base_version, '
  'server_version, device_id, edited_at, created_at, analysis}], oldest first.';

-- Decides one of the caller's open conflicts: {"take": "client"}, {"take": "server"} or {"row": {…}}.
-- The decision is written as an ordinary edit of the caller, under their policies. The same decision again, after an
-- answer that got lost, changes nothing.
create function public.sync_resolve(conflict_id uuid, resolution json)
returns json
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  conflict tidemark.sync_conflicts;
  registered tidemark.live_tables;
  take text;
  wanted jsonb;
  mutation tidemark.mutation;
  outcome tidemark.outcome;
begin
  perform tidemark.require_user();
  if json_typeof(resolution) is distinct from 'object'
      or not coalesce(resolution ->> 'take' in ('client', 'server'), json_typeof(resolution -> 'row') = 'object', false)
    then
      perform tidemark.raise_api_error(400, 'malformed',
        'resolution: expected {"take": "client"}, {"take": "server"} or {"row": {…}}');
  end if;
  take := case when resolution ->> 'take' in ('client', 'server') then resolution ->> 'take' else 'row' end;
  wanted := case when take = 'row' then (resolution -> 'row')::jsonb end;
  select listed.* into conflict
  from tidemark.open_conflicts() listed
  where listed.conflict_id = sync_resolve.conflict_id;
  if not found then
    select listed.* into conflict from tidemark.decided_conflict(sync_resolve.conflict_id, take, wanted) listed;
  end if;
  if conflict.conflict_id is null or conflict.table_no <> all ((tidemark.tables_to_pull(null)).tables) then
    perform tidemark.raise_api_error(404, 'conflict_not_open', 'no open conflict of yours has this id',
      'It was resolved, or the row has moved on: list sync_conflicts again.');
  end if;
  registered := tidemark.table_by_no(conflict.table_no);
  if take <> 'server' and conflict.resolved_at is null then
    mutation := (tidemark.read_mutations(json_build_array(json_build_object(
      'seq', 1, 'table', registered.name, 'id', conflict.row_id,
      'op', case when take = 'client' and conflict.op = 'delete' then 'delete' else 'patch' end,
      -- the row as it is now: the caller has seen both sides
      'base', (select visible.version from tidemark.row_states(registered, array[conflict.row_id]) visible),
      'data', case when take = 'client' then conflict.client else wanted - registered.key_column end)), 1, '0'))[1];
    if mutation.code is not null then
      outcome := row(
        1, 'rejected', null, null, null, null, null, mutation.code, mutation.message, mutation.hint)::tidemark.outcome;
    else
      -- made by no device: the one that raised the conflict has to pull it
      outcome := (tidemark.apply_batch(null, array[mutation], false))[1];
    end if;
    perform tidemark.set_push_context(null, null);
  end if;
  if outcome.status = 'rejected' then
    return json_build_object('conflict_id', conflict.conflict_id, 'status', 'rejected',
      'error', json_build_object('code', outcome.code, 'message', outcome.message, 'hint', coalesce(outcome.hint, '')));
  end if;
  perform tidemark.close_conflict(conflict.conflict_id, take, wanted);
  return (
    select json_build_object('conflict_id', conflict.conflict_id, 'status', 'resolved', 'version', visible.version,
      'row', case when not visible.deleted then visible."row" end)
    from (select) one
    left join tidemark.current_rows(registered, array[conflict.row_id], false) visible on true
  );
end
$$;
comment on function public.sync_resolve(uuid, json) is
  'Decides a conflict: resolution is {"take": "client" | "server"} or {"row": {…}}. Answers {conflict_id, status: '
  'resolved | rejected, version, row, error?}.';
