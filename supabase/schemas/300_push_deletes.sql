-- Push of deletes: plainly as the caller, so the DELETE policy decides, and an answer for every mutation.

-- Whether an edit by another device or user stands against a delete.
create function tidemark.resolve_delete(
  registered tidemark.live_tables, edit tidemark.edit, theirs jsonb, device uuid,
  out overruled boolean, out conflict_id uuid
)
language plpgsql
volatile
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
declare
  other jsonb := tidemark.last_change(registered.table_no, edit.id, device);
  client_is_newer boolean := edit.edited_at >= coalesce(
    (other ->> 'edited_at')::timestamptz, (theirs ->> 'updated_at')::timestamptz);
  verdict jsonb;
begin
  case
    when registered.conflict = 'last_write_wins' then
      overruled := not client_is_newer;
    when registered.conflict = 'client_wins' then
      overruled := false;
    when registered.conflict like 'function:%' then
      execute format('select %s($1, null, null, $2)', tidemark.function_name(substr(registered.conflict, 10)))
        into verdict
        using theirs, jsonb_build_object(
          'table', registered.name, 'id', edit.id, 'op', 'delete', 'columns', '[]'::jsonb,
          'edited_at', edit.edited_at, 'device_id', device, 'user_id', auth.uid(),
          'base_version', edit.base, 'version', edit.version, 'client_is_newer', client_is_newer);
      overruled := verdict is not null;
    else
      -- server_wins, merge, keep_both, manual: an edit is never lost to a delete that did not know of it
      overruled := true;
      if registered.conflict = 'manual' then
        conflict_id := tidemark.park_conflict(
          registered.table_no, edit.id, device, edit.seq, 'delete', '{}', null, theirs, null,
          edit.base, edit.edited_at);
      end if;
  end case;
end
$$;

-- Deletes rows plainly as the caller, so the DELETE policy decides. A row that another device or user edited later
-- than it was deleted here stays.
create function tidemark.delete_rows(
  target tidemark.push_target, mutations tidemark.mutation[], device uuid, exact boolean
)
returns tidemark.outcome[]
language plpgsql
volatile
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
declare
  registered tidemark.live_tables := target.registered;
  edits tidemark.edit[] := tidemark.find_rows(target, mutations);
  outdated tidemark.edit[];
  parked jsonb := '{}';
  overruled text[] := '{}';
  ids text[];
begin
  -- Deletes of rows that have changed since: the conflict policy decides between delete and edit.
  select array_agg(edit) into outdated
  from unnest(edits) edit
  join tidemark.changed_since(
    registered.table_no,
    array(select edit.id from unnest(edits) edit where edit.row_state = 'live' and edit.version <> edit.base),
    array(select edit.base from unnest(edits) edit where edit.row_state = 'live' and edit.version <> edit.base),
    array(select edit.version from unnest(edits) edit where edit.row_state = 'live' and edit.version <> edit.base),
    device
  ) history on history.row_id = edit.id
  where not history.complete or history.everything is not null or history.columns <> '{}';
  if outdated is not null then
    select
        coalesce(array_agg(edit.id), '{}'),
        coalesce(jsonb_object_agg(edit.id, resolution.conflict_id)
          filter (where resolution.conflict_id is not null), '{}')
      into overruled, parked
    from unnest(outdated) edit
    join tidemark.current_rows(registered, array(select edit.id from unnest(outdated) edit), false) visible
      on visible.row_id = edit.id
    cross join lateral tidemark.resolve_delete(registered, edit, to_jsonb(visible."row"), device) resolution
    where resolution.overruled;
  end if;
  ids := array(select edit.id from unnest(edits) edit where edit.row_state = 'live' and edit.id <> all (overruled));
  execute format('delete from %s t where t.%I = any ($1::%s[])',
    registered.relation::regclass, registered.key_column, registered.key_type) using ids;
  -- What is not there, or not for the caller to see, counts as deleted, and nothing is said about it.
  return (
    with states as materialized (
      select edit.n, edit.id, edit.row_state, state.version, state.deleted, edit.id = any (overruled) as stays
      from unnest(edits) edit
      left join tidemark.row_states(registered, array(select edit.id from unnest(edits) edit)) state
        on state.row_id = edit.id
    )
    select array_agg(case
      when state.stays then row(
        state.n, 'conflict', visible.version, visible."row", '{}', null, (parked ->> state.id)::uuid,
        null, null, null)::tidemark.outcome
      when state.row_state = 'live' and not state.deleted then row(
        state.n, 'rejected', visible.version, visible."row", null, null, null, 'forbidden',
        format('the policies of "%s" do not allow this', registered.name), null)::tidemark.outcome
      else row(
        state.n, 'applied', coalesce(state.version, hidden.version), null, null, null, null,
        null, null, null)::tidemark.outcome
    end)
    from states state
    left join tidemark.current_rows(
      registered,
      array(select state.id from states state where state.stays or state.row_state = 'live' and not state.deleted),
      exact
    ) visible on visible.row_id = state.id
    -- tombstones that the policies hide
    left join tidemark.lock_rows(
      registered.table_no,
      array(select state.id from states state where state.row_state = 'live' and state.version is null)
    ) hidden on hidden.row_id = state.id
  );
end
$$;
