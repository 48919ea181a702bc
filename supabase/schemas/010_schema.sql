-- The private schema, and the extension that capture compares rows with. `tidemark` is not exposed through the Data
-- API: clients call `public.sync_*`, and 390_access.sql lists every grant.
--
-- The files of this folder are the engine as it is now, in the order in which they are built. A function stands below
-- what it calls. `npm run build:migrations` makes the migration of the next release from them.
--
-- Every function pins its search_path to pg_catalog, pg_temp. An empty path would look for tables and types among the
-- caller's temporary ones first: a domain pg_temp.uuid with a check of the caller's would run with the rights of a
-- security definer function (supabase/tests/attack). All other objects are written with their schema.
-- Functions in whose statements code of the app runs (policies, triggers, defaults, conflict functions) have public
-- and extensions between the two, as a request through the API has: that code may name its tables without a schema.
-- In these functions, functions of Postgres that are given rows of the app are written with their schema as well.

create schema if not exists tidemark;
comment on schema tidemark is
  'Offline-first sync: registry, log, devices and the functions behind public.sync_*. Not exposed through the API.';

create extension if not exists hstore with schema extensions;
-- "if not exists" accepts an hstore in another schema, and then every write would fail. The app's own functions may
-- name that schema, so its owner decides whether to move the extension.
do $$
begin
  if to_regtype('extensions.hstore') is null then
    raise exception using
      errcode = 'TM017',
      message = 'hstore_elsewhere: the extension hstore is in another schema than "extensions"',
      hint = 'alter extension hstore set schema extensions; or, if that is refused and no column is an hstore: '
        'drop extension hstore; Then change what names the old schema.';
  end if;
end
$$;
