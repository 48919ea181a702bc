-- Rules for a column that two sides changed. Rules that compute a value (union, sum, …) lose nothing; rules that
-- choose one side report the column as lost. Push (280_push_merge.sql) applies them.

-- Merges two arrays as sets of whole elements: the server's order, then the client's additions. Elements that the edit
-- removed are removed where the value before the edit is known.
create function tidemark.merge_sets(server jsonb, client jsonb, old jsonb)
returns jsonb
language sql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $$
  with
  of_server as (
    select element.item, min(element.place) as place
    from jsonb_array_elements(case jsonb_typeof(server) when 'array' then server else '[]' end)
      with ordinality as element (item, place)
    group by element.item
  ),
  of_client as (
    select element.item, min(element.place) as place
    from jsonb_array_elements(case jsonb_typeof(client) when 'array' then client else '[]' end)
      with ordinality as element (item, place)
    group by element.item
  ),
  of_old as (
    select distinct element.item
    from jsonb_array_elements(case jsonb_typeof(old) when 'array' then old else '[]' end) as element (item)
  )
  select coalesce(jsonb_agg(united.item order by united.side, united.place), '[]')
  from (
    select of_server.item, 1 as side, of_server.place from of_server
    where of_server.item in (select of_client.item from of_client)
      or of_server.item not in (select of_old.item from of_old)
    union all
    select of_client.item, 2, of_client.place from of_client
    where of_client.item not in (select of_server.item from of_server)
      and of_client.item not in (select of_old.item from of_old)
  ) united
$$;

-- Merges two objects key by key, at any depth; where both sides changed a leaf, the newer edit stays.
create function tidemark.merge_deep(server jsonb, client jsonb, old jsonb, client_is_newer boolean)
returns jsonb
language plpgsql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if jsonb_typeof(server) = 'object' and jsonb_typeof(client) = 'object' then
    return (
      select coalesce(jsonb_object_agg(merged.key, merged.value) filter (where merged.value is not null), '{}')
      from (
        select field.key, case
          -- removed here, or there, since the edit began
          when not client ? field.key and old ? field.key and old -> field.key = server -> field.key then null
          when not server ? field.key and old ? field.key and old -> field.key = client -> field.key then null
          when not client ? field.key then server -> field.key
          when not server ? field.key then client -> field.key
          else tidemark.merge_deep(server -> field.key, client -> field.key, old -> field.key, client_is_newer)
        end as value
        from (select jsonb_object_keys(server) union select jsonb_object_keys(client)) as field (key)
      ) merged
    );
  elsif server = client or old is not null and old = client then
    return server;
  elsif old is not null and old = server or client_is_newer then
    return client;
  end if;
  return server;
end
$$;

-- Quotes the name of a function in a policy or rule; tidemark.resolve_column looks it up under its own search_path.
create function tidemark.function_name(name text)
returns text
language sql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $$
  select string_agg(quote_ident(part), '.') from unnest(parse_ident(name)) part
$$;

-- Decides one column that both sides changed, by its rule. Values are jsonb; old is null where the device did not send
-- it. The column's type says which value is greater (null: the type has no order, and texts are compared). The result
-- null means undecided.
create function tidemark.resolve_column(
  rule text, server jsonb, client jsonb, old jsonb, client_is_newer boolean, client_is_greater boolean default null
)
returns jsonb
language plpgsql
volatile
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
declare
  resolved jsonb;
begin
  if rule = 'merge' then
    rule := case
      when jsonb_typeof(server) = 'array' and jsonb_typeof(client) = 'array' then 'union'
      when jsonb_typeof(server) = 'object' and jsonb_typeof(client) = 'object' then 'deep'
      else 'newest' end;
  end if;
  case
    when rule in ('newest', 'last_write_wins') then
      resolved := case when client_is_newer then client else server end;
    when rule in ('client', 'client_wins') then
      resolved := client;
    when rule in ('server', 'server_wins') then
      resolved := server;
    when rule = 'union' then
      resolved := tidemark.merge_sets(server, client, old);
    when rule = 'deep' then
      resolved := tidemark.merge_deep(server, client, old, client_is_newer);
    when rule in ('sum', 'max', 'min') and coalesce(server, 'null') = 'null' then
      -- a missing side counts as nothing there
      resolved := client;
    when rule in ('sum', 'max', 'min') and coalesce(client, 'null') = 'null' then
      resolved := server;
    when rule = 'sum' then
      resolved := to_jsonb((server #>> '{}')::numeric + (client #>> '{}')::numeric
        - case when jsonb_typeof(old) in ('number', 'string') then (old #>> '{}')::numeric else 0 end);
    when rule in ('max', 'min') then
      resolved := case
        when coalesce(client_is_greater, (client #>> '{}') collate "C" > server #>> '{}') = (rule = 'max') then client
        else server end;
    when rule like 'function:%' then
      execute format('select %s($1, $2, $3)', tidemark.function_name(substr(rule, 10)))
        into resolved using server, client, old;
    else
      return null;
  end case;
  return coalesce(resolved, 'null');
end
$$;

-- Whether the device's value is not, or not wholly, in the value that a rule made.
create function tidemark.is_overruled(rule text, server jsonb, client jsonb, old jsonb, resolved jsonb)
returns boolean
language sql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $$
  select case
    when resolved is null or client = resolved then false
    when rule = 'sum' then client = 'null'
    when rule in ('union', 'merge') and jsonb_typeof(client) = 'array' and jsonb_typeof(server) = 'array' then false
    when rule in ('deep', 'merge') and jsonb_typeof(client) = 'object' and jsonb_typeof(server) = 'object'
      then tidemark.merge_deep(server, client, old, true) <> resolved
    else resolved = server end
$$;
