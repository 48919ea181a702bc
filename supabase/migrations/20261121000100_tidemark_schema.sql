-- The private schema, its settings, and the two ways in which it says no.
-- `tidemark` is not exposed through the Data API: what clients call is `public.sync_*`
-- (20261121001200_tidemark_access.sql lists every grant).
--
-- Every function pins its search_path to pg_catalog, pg_temp. An empty one would look for tables and
-- types among the caller's temporary ones first: a domain pg_temp.uuid with a check of the caller's
-- would run with the rights of a security definer function (supabase/tests/attack). Everything else is
-- written with its schema.
-- Functions in whose statements the app's own code runs (policies, triggers, defaults, conflict functions) have
-- public and extensions between the two, as a request through the API has: that code may name its tables by
-- it. There, functions of Postgres's that are given rows of the app's are written with their schema, too.

create schema if not exists tidemark;
comment on schema tidemark is 'Offline-first sync: registry, log, devices and the functions behind public.sync_*. Not exposed through the API.';

create extension if not exists hstore with schema extensions;
-- "if not exists" is content with one in another schema, and then every write would fail. The app's own
-- functions may name that schema, so moving it is the owner's to decide.
do $$
begin
  if to_regtype('extensions.hstore') is null then
    raise exception using
      errcode = 'TM017',
      message = 'hstore_elsewhere: the extension hstore is in another schema than "extensions"',
      hint = 'alter extension hstore set schema extensions; or, if that is refused and no column is an hstore: drop extension hstore; Then change what names the old schema.';
  end if;
end
$$;

create table tidemark.settings (
  only_row boolean primary key default true,
  epoch uuid not null default gen_random_uuid(),
  oldest_protocol int not null default 1,
  newest_protocol int not null default 1,
  max_batch_bytes int not null default 8388608,
  max_mutations int not null default 10000,
  max_mutation_bytes int not null default 1048576,
  max_page int not null default 10000,
  default_page int not null default 1000,
  purged_to xid8 not null default '0',
  purged_in text,
  constraint settings_has_one_row check (only_row),
  constraint limits_are_positive check (
    least(max_batch_bytes, max_mutations, max_mutation_bytes, max_page, default_page) > 0
  )
);
comment on table tidemark.settings is 'One row: limits of a call, supported protocol versions, and the random part of the epoch that cursors carry.';
comment on column tidemark.settings.epoch is 'Changes when the database is restored from a dump by hand: `update tidemark.settings set epoch = default` makes every device start afresh.';

comment on column tidemark.settings.purged_to is 'The newest transaction of which tidemark.purge dropped a log entry: a cursor that has not seen it starts afresh.';
comment on column tidemark.settings.purged_in is 'The epoch that purged_to is a number of. In another one (a dump loaded elsewhere) it means nothing, and no cursor is old enough to miss anything.';

insert into tidemark.settings default values;

-- Whole-call errors of the RPCs: PostgREST turns SQLSTATE PTxyz into HTTP status xyz.
create function tidemark.refuse(status int, code text, detail text default null, hint text default null)
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
comment on function tidemark.refuse(int, text, text, text) is 'Raises a whole-call error: HTTP status, stable code as message, what is wrong, what to do.';
