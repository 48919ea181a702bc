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
      'conflict_id', k.conflict_id, 'table', (tidemark.table_by_no(k.table_no)).name, 'id', k.row_id, 'op', k.op,
      'columns', k.columns, 'client', k.client, 'server', k.server, 'base', k.base,
      'base_version', k.base_version, 'server_version', k.server_version,
      'device_id', k.device_id, 'edited_at', k.edited_at, 'created_at', k.created_at, 'analysis', k.analysis
    ) order by k.created_at, k.conflict_id), '[]'::json)
    from tidemark.open_conflicts() k
    -- not of a row that the caller no longer sees, nor of a table that is gone or closed: the case keeps
    -- such a table from being read
    where case when k.table_no = any (tables)
      then exists (select from tidemark.row_states(tidemark.table_by_no(k.table_no), array[k.row_id])) end
  );
end
$$;
comment on function public.sync_conflicts() is
  'The caller''s open conflicts: [{conflict_id, table, id, op, columns, client, server, base, base_version, '
  'server_version, device_id, edited_at, created_at, analysis}], oldest first.';

-- Decides one of the caller's open conflicts: {"take": "client"}, {"take": "server"} or {"row": {…}}.
-- What is written is an ordinary edit of the caller's, under their policies. The same decision again, after
-- an answer that got lost, changes nothing.
create function public.sync_resolve(conflict_id uuid, resolution json)
returns json
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  c tidemark.sync_conflicts;
  registered tidemark.live_tables;
  take text;
  wanted jsonb;
  m tidemark.mutation;
  o tidemark.outcome;
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
  select k.* into c from tidemark.open_conflicts() k where k.conflict_id = sync_resolve.conflict_id;
  if not found then
    select k.* into c from tidemark.decided_conflict(sync_resolve.conflict_id, take, wanted) k;
  end if;
  if c.conflict_id is null or c.table_no <> all ((tidemark.tables_to_pull(null)).tables) then
    perform tidemark.raise_api_error(404, 'conflict_not_open', 'no open conflict of yours has this id',
      'It was resolved, or the row has moved on: list sync_conflicts again.');
  end if;
  registered := tidemark.table_by_no(c.table_no);
  if take <> 'server' and c.resolved_at is null then
    m := (tidemark.read_mutations(json_build_array(json_build_object(
      'seq', 1, 'table', registered.name, 'id', c.row_id,
      'op', case when take = 'client' and c.op = 'delete' then 'delete' else 'patch' end,
      -- the row as it is now: the caller has seen both sides
      'base', (select r.version from tidemark.row_states(registered, array[c.row_id]) r),
      'data', case when take = 'client' then c.client else wanted - registered.key_column end)), 1, '0'))[1];
    if m.code is not null then
      o := row(1, 'rejected', null, null, null, null, null, m.code, m.message, m.hint)::tidemark.outcome;
    else
      -- made by no device: the one that raised the conflict has to pull it
      o := (tidemark.apply_batch(null, array[m], false))[1];
    end if;
    perform tidemark.set_push_context(null, null);
  end if;
  if o.status = 'rejected' then
    return json_build_object('conflict_id', c.conflict_id, 'status', 'rejected',
      'error', json_build_object('code', o.code, 'message', o.message, 'hint', coalesce(o.hint, '')));
  end if;
  perform tidemark.close_conflict(c.conflict_id, take, wanted);
  return (
    select json_build_object('conflict_id', c.conflict_id, 'status', 'resolved', 'version', r.version,
      'row', case when not r.deleted then r."row" end)
    from (select) one
    left join tidemark.current_rows(registered, array[c.row_id], false) r on true
  );
end
$$;
comment on function public.sync_resolve(uuid, json) is
  'Decides a conflict: resolution is {"take": "client" | "server"} or {"row": {…}}. Answers {conflict_id, status: '
  'resolved | rejected, version, row, error?}.';
