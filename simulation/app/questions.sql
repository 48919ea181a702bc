-- What the oracle asks of the app of schema.sql. Rows by name, as the API prints them: [{table, row}, …].
create schema simulation;
grant usage on schema simulation to authenticated;

-- What the caller's devices should hold: rows that they may see, not deleted, in their scopes.
create function simulation.truth() returns json
language plpgsql stable security invoker
as $$
begin
  return (
    select coalesce(json_agg(json_build_object('table', r.name, 'row', r.content)), '[]')
    from (
      select 'trips' as name, row_to_json(t) as content from public.trips t
      where t.deleted_at is null and t.id in (select m.trip_id from public.trip_members m where m.user_id = auth.uid())
      union all
      select 'items', row_to_json(t) from public.items t
      where t.deleted_at is null and t.trip_id in (select m.trip_id from public.trip_members m where m.user_id = auth.uid())
      union all
      select 'club_members', row_to_json(t) from public.club_members t
      where t.deleted_at is null and t.club_id in (
        select m.club_id from public.club_members m where m.user_id = auth.uid() and m.deleted_at is null)
      union all
      select 'docs', row_to_json(t) from public.docs t
      where t.deleted_at is null and t.club_id in (
        select m.club_id from public.club_members m where m.user_id = auth.uid() and m.deleted_at is null)
      union all
      select 'cards', row_to_json(t) from public.cards t
      where t.deleted_at is null and t.club_id in (
        select m.club_id from public.club_members m where m.user_id = auth.uid() and m.deleted_at is null)
      union all
      select 'notes', row_to_json(t) from public.notes t where t.deleted_at is null and t.user_id = auth.uid()
      union all
      select 'notices', row_to_json(t) from public.notices t where t.deleted_at is null
    ) r
  );
end
$$;

-- The scopes whose rows the caller's devices hold.
create function simulation.scopes() returns json
language plpgsql stable security invoker
as $$
begin
  return (
    select json_agg(s.scope)
    from (
      values ('public'), ('user:' || auth.uid())
      union all
      select 'trip:' || m.trip_id from public.trip_members m where m.user_id = auth.uid()
      union all
      select 'club:' || m.club_id from public.club_members m where m.user_id = auth.uid() and m.deleted_at is null
    ) s (scope)
  );
end
$$;

-- The rows with these ids, tombstones too, as far as the caller may see them.
create function simulation.look(ids text[]) returns json
language plpgsql stable security invoker
as $$
declare
  uuids uuid[] := array(select i::uuid from unnest(ids) i where i ~ '^[0-9a-f-]{36}$');
  numbers bigint[] := array(select i::bigint from unnest(ids) i where i ~ '^\d+$');
begin
  return (
    select coalesce(json_agg(json_build_object('table', r.name, 'row', r.content)), '[]')
    from (
      select 'trips' as name, row_to_json(t) as content from public.trips t where t.id = any (uuids)
      union all
      select 'items', row_to_json(t) from public.items t where t.id = any (uuids)
      union all
      select 'club_members', row_to_json(t) from public.club_members t where t.id = any (uuids)
      union all
      select 'docs', row_to_json(t) from public.docs t where t.id = any (uuids)
      union all
      select 'cards', row_to_json(t) from public.cards t where t.id = any (uuids)
      union all
      select 'notes', row_to_json(t) from public.notes t where t.id = any (ids)
      union all
      select 'notices', row_to_json(t) from public.notices t where t.id = any (numbers)
    ) r
  );
end
$$;
