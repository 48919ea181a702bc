-- Push of deletes: plainly as the caller, so the DELETE policy decides, and an answer for every mutation.

-- Whether an edit by another device or user stands against a delete.
create function tidemark.resolve_delete(
  registered tidemark.live_tables, e tidemark.edit, theirs jsonb, device uuid,
  out overruled boolean, out conflict_id uuid
)
language plpgsql
volatile
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
declare
  other jsonb := tidemark.last_change(registered.table_no, e.id, device);
  client_is_newer boolean := e.edited_at >= coalesce(
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
        using theirs, jsonb_build_object('table', registered.name, 'id', e.id, 'op', 'delete', 'columns', '[]'::jsonb,
          'edited_at', e.edited_at, 'device_id', device, 'user_id', auth.uid(),
          'base_version', e.base, 'version', e.version, 'client_is_newer', client_is_newer);
      overruled := verdict is not null;
    else
      -- server_wins, merge, keep_both, manual: an edit is never lost to a delete that did not know of it
      overruled := true;
      if registered.conflict = 'manual' then
        conflict_id := tidemark.park_conflict(
          registered.table_no, e.id, device, e.seq, 'delete', '{}', null, theirs, null, e.base, e.edited_at);
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
  select array_agg(e) into outdated
  from unnest(edits) e
  join tidemark.changed_since(
    registered.table_no,
    array(select s.id from unnest(edits) s where s.row_state = 'live' and s.version <> s.base),
    array(select s.base from unnest(edits) s where s.row_state = 'live' and s.version <> s.base),
    array(select s.version from unnest(edits) s where s.row_state = 'live' and s.version <> s.base),
    device
  ) h on h.row_id = e.id
  where not h.complete or h.everything is not null or h.columns <> '{}';
  if outdated is not null then
    select
        coalesce(array_agg(e.id), '{}'),
        coalesce(jsonb_object_agg(e.id, v.conflict_id) filter (where v.conflict_id is not null), '{}')
      into overruled, parked
    from unnest(outdated) e
    join tidemark.current_rows(registered, array(select s.id from unnest(outdated) s), false) c on c.row_id = e.id
    cross join lateral tidemark.resolve_delete(registered, e, to_jsonb(c."row"), device) v
    where v.overruled;
  end if;
  ids := array(select e.id from unnest(edits) e where e.row_state = 'live' and e.id <> all (overruled));
  execute format('delete from %s t where t.%I = any ($1::%s[])',
    registered.relation::regclass, registered.key_column, registered.key_type) using ids;
  -- What is not there, or not for the caller to see, counts as deleted, and nothing is said about it.
  return (
    with states as materialized (
      select e.n, e.id, e.row_state, s.version, s.deleted, e.id = any (overruled) as stays
      from unnest(edits) e
      left join tidemark.row_states(registered, array(select u.id from unnest(edits) u)) s on s.row_id = e.id
    )
    select array_agg(case
      when s.stays then row(
        s.n, 'conflict', c.version, c."row", '{}', null, (parked ->> s.id)::uuid, null, null, null)::tidemark.outcome
      when s.row_state = 'live' and not s.deleted then row(
        s.n, 'rejected', c.version, c."row", null, null, null, 'forbidden',
        format('the policies of "%s" do not allow this', registered.name), null)::tidemark.outcome
      else row(
        s.n, 'applied', coalesce(s.version, l.version), null, null, null, null, null, null, null)::tidemark.outcome
    end)
    from states s
    left join tidemark.current_rows(
      registered,
      array(select r.id from states r where r.stays or r.row_state = 'live' and not r.deleted),
      exact
    ) c on c.row_id = s.id
    -- tombstones that the policies hide
    left join tidemark.lock_rows(
      registered.table_no, array(select r.id from states r where r.row_state = 'live' and r.version is null)
    ) l on l.row_id = s.id
  );
end
$$;
