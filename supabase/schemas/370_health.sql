-- Observability: one json for operators, one for a signed-in user.

create function tidemark.health()
returns json
language sql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
  select json_build_object(
    'log', json_build_object(
      'entries_estimated', (
        select greatest(c.reltuples, 0)::bigint
        from pg_catalog.pg_class c
        where c.oid = 'tidemark.sync_changes'::regclass),
      'bytes', pg_total_relation_size('tidemark.sync_changes'),
      'oldest_entry', (select min(c.at) from tidemark.sync_changes c)
    ),
    'tables', (select count(*) from tidemark.live_tables),
    'devices', (
      select json_build_object(
        'known', count(*), 'revoked', count(d.revoked_at),
        'slowest', (
          select json_build_object('device_id', s.device_id, 'user_id', s.user_id, 'last_seen_at', s.last_seen_at)
          from tidemark.sync_devices s where s.revoked_at is null order by s.last_seen_at limit 1))
      from tidemark.sync_devices d
    ),
    'mutations', (
      select coalesce(json_object_agg(m.name, m.counts), '{}'::json)
      from (
        select s.name, json_object_agg(s.status, s.n) as counts
        from (
          select t.key as name, c.key as status, sum(c.value::bigint) as n
          from tidemark.sync_devices d
          cross join lateral jsonb_each(d.counters) t
          cross join lateral jsonb_each_text(t.value) c
          group by t.key, c.key
        ) s
        group by s.name
      ) m
    ),
    'rejected', (
      select coalesce(sum((t.value ->> 'rejected')::bigint), 0)
      from tidemark.sync_devices d cross join lateral jsonb_each(d.counters) t
    ),
    'open_conflicts', (select count(*) from tidemark.waiting_conflicts()),
    -- the cursor does not wait for it, but vacuum does
    'oldest_transaction', (
      select json_build_object('pid', a.pid, 'started_at', a.xact_start, 'state', a.state)
      from pg_catalog.pg_stat_activity a
      where a.xact_start is not null and a.pid <> pg_backend_pid()
      order by a.xact_start limit 1
    ),
    'purged_to', (select s.purged_to from tidemark.settings s),
    'server_time', now()
  )
$$;
comment on function tidemark.health() is
  'For operators: log size and age, devices and the slowest, mutations by table and status, open conflicts, oldest '
  'open transaction.';

create function public.sync_status()
returns json
language plpgsql
stable
security definer -- reads the caller's own devices, conflicts and scopes
set search_path = pg_catalog, pg_temp
as $$
declare
  me uuid := tidemark.require_user();
begin
  return json_build_object(
    'user_id', me,
    'scopes', tidemark.my_scopes(),
    'tables', (select coalesce(json_agg(t.name order by t.name), '[]'::json) from tidemark.live_tables t),
    'devices', (select count(*) from tidemark.sync_devices d where d.user_id = me and d.revoked_at is null),
    'open_conflicts', (select count(*) from tidemark.open_conflicts()),
    'mutations', (
      select coalesce(json_object_agg(c.status, c.n), '{}'::json)
      from (
        select s.key as status, sum(s.value::bigint) as n
        from tidemark.sync_devices d
        cross join lateral jsonb_each(d.counters) t
        cross join lateral jsonb_each_text(t.value) s
        where d.user_id = me
        group by s.key
      ) c
    ),
    'server_time', now()
  );
end
$$;
comment on function public.sync_status() is
  'The caller''s scopes, synced tables, devices, open conflicts and counts of mutations by status.';
