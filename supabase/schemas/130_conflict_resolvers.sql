-- Ready-made conflict policies, for 'function:tidemark.<name>' in tidemark.add_table.

-- Ready-made functions for 'function:tidemark.<name>'.
create function tidemark.notification_resolver(server jsonb, client jsonb, old jsonb, context jsonb)
returns jsonb
language sql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $$
  -- Read stays read, on whichever device it was read; everything else, a delete too, is the newer edit's.
  select case when client is null then case when (context ->> 'client_is_newer')::boolean then null else server end
    else case when (context ->> 'client_is_newer')::boolean then client else server end
      || case when server ? 'read'
        then jsonb_build_object('read', server -> 'read' = 'true' or client -> 'read' = 'true') else '{}' end
      || case when server ? 'read_at'
        then jsonb_build_object('read_at', least(server ->> 'read_at', client ->> 'read_at')) else '{}' end
      || case when server ->> 'status' = 'read' or client ->> 'status' = 'read'
        then '{"status":"read"}'::jsonb else '{}' end
  end
$$;
comment on function tidemark.notification_resolver(jsonb, jsonb, jsonb, jsonb) is
  'Conflict policy for notifications: read (column read, read_at or status) wins, the rest is the newer edit''s.';

create function tidemark.project_resolver(server jsonb, client jsonb, old jsonb, context jsonb)
returns jsonb
language sql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
  -- Lists are united, objects merged key by key, single values the newer edit's; an edit beats a delete.
  select case when client is null then server else jsonb_object_agg(column_name, tidemark.resolve_column(
    'merge', server -> column_name, client -> column_name, old -> column_name,
    (context ->> 'client_is_newer')::boolean
  )) end
  from jsonb_array_elements_text(context -> 'columns') column_name
$$;
comment on function tidemark.project_resolver(jsonb, jsonb, jsonb, jsonb) is
  'Conflict policy for projects: lists united, objects merged, single values the newer edit''s.';

create function tidemark.settings_resolver(server jsonb, client jsonb, old jsonb, context jsonb)
returns jsonb
language sql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $$
  -- A person's own settings: what was set last on the device in hand, key by key.
  select jsonb_object_agg(
    column_name,
    tidemark.merge_deep(server -> column_name, client -> column_name, old -> column_name, true))
  from jsonb_array_elements_text(context -> 'columns') column_name
$$;
comment on function tidemark.settings_resolver(jsonb, jsonb, jsonb, jsonb) is
  'Conflict policy for settings: the device in hand wins, objects merged key by key.';
