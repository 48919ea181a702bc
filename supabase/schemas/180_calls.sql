-- What every call of a client starts with: the user, the protocol version, and the options that several calls have.

-- The user id of the caller, or 401.
create function tidemark.require_user()
returns uuid
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  me uuid := auth.uid();
begin
  if me is null then
    perform tidemark.raise_api_error(401, 'not_signed_in', 'the request carries no user',
      'Sign in and send the user''s access token.');
  end if;
  return me;
end
$$;

-- Refuses a client whose protocol this database no longer, or not yet, speaks: 426.
create function tidemark.require_protocol(options json)
returns void
language plpgsql
stable
security definer -- reads the settings
set search_path = pg_catalog, pg_temp
as $$
declare
  spoken text := coalesce(nullif((options -> 'protocol')::text, 'null'), '1');
  limits tidemark.settings;
begin
  select s.* into limits from tidemark.settings s;
  if spoken !~ '^\d{1,9}$' then
    perform tidemark.raise_api_error(400, 'malformed', 'options.protocol: expected a whole number');
  elsif spoken::int not between limits.oldest_protocol and limits.newest_protocol then
    perform tidemark.raise_api_error(426, 'upgrade_required',
      format('protocol %s; this database speaks %s to %s', spoken, limits.oldest_protocol, limits.newest_protocol),
      'Update the app; its queue is kept.');
  end if;
end
$$;

-- Whether the caller wants bigint and numeric columns as text.
create function tidemark.wants_exact(options json)
returns boolean
language plpgsql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if json_typeof(options -> 'exact') not in ('boolean', 'null') then
    perform tidemark.raise_api_error(400, 'malformed', 'options.exact: expected true or false');
  end if;
  return coalesce((options ->> 'exact')::boolean, false);
end
$$;

-- The page size that the caller asks for, within the limits.
create function tidemark.page_limit(options json)
returns int
language plpgsql
stable
security definer -- reads the settings
set search_path = pg_catalog, pg_temp
as $$
declare
  asked text := nullif((options -> 'limit')::text, 'null');
  limits tidemark.settings;
begin
  select s.* into limits from tidemark.settings s;
  if asked is null then
    return limits.default_page;
  elsif asked !~ '^[1-9]\d{0,8}$' then
    perform tidemark.raise_api_error(400, 'malformed', format('options.limit: expected 1 to %s', limits.max_page));
  end if;
  return least(asked::int, limits.max_page);
end
$$;

create function tidemark.text_array(input json, path text)
returns text[]
language plpgsql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if input is null or json_typeof(input) = 'null' then
    return null;
  elsif json_typeof(input) <> 'array' or exists (
    select from json_array_elements(input) e where json_typeof(e) <> 'string'
  ) then
    perform tidemark.raise_api_error(400, 'malformed', path || ': expected an array of strings');
  end if;
  return array(select json_array_elements_text(input));
end
$$;
