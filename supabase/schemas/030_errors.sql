-- The two ways in which Tidemark says no: to a client that calls public.sync_*, and to the owner of the app who calls
-- tidemark.add_table or tidemark.add_scope in a migration.

-- Refuses a whole call of a client: PostgREST turns SQLSTATE PTxyz into HTTP status xyz.
create function tidemark.raise_api_error(status int, code text, detail text default null, hint text default null)
returns void
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using
    errcode = 'PT' || status,
    message = code,
    detail = coalesce(detail, ''),
    hint = coalesce(hint, '');
end
$$;
comment on function tidemark.raise_api_error(int, text, text, text) is
  'Raises a whole-call error: HTTP status, stable code as message, what is wrong, what to do.';

create function tidemark.raise_setup_error(errcode text, code text, message text, hint text)
returns void
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  raise exception using errcode = errcode, message = code || ': ' || message, hint = hint;
end
$$;
