-- Limits of a call, the protocol versions that this database speaks, and the epoch of its transaction numbers. Every
-- public.sync_* function reads the limits; the cursor, tidemark.purge and tidemark.add_scope read the epoch.

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
comment on table tidemark.settings is
  'One row: limits of a call, supported protocol versions, and the random part of the epoch that cursors carry.';
comment on column tidemark.settings.epoch is
  'Changes when the database is restored from a dump by hand: `update tidemark.settings set epoch = default` makes '
  'every device start afresh.';

comment on column tidemark.settings.purged_to is
  'The newest transaction of which tidemark.purge dropped a log entry: a cursor that has not seen it starts afresh.';
comment on column tidemark.settings.purged_in is
  'The epoch that purged_to is a number of. In another one (a dump loaded elsewhere) it means nothing, and no cursor '
  'is old enough to miss anything.';

insert into tidemark.settings default values;

-- Transaction numbers mean nothing in another cluster, or after a failover that lost commits.
create function tidemark.epoch()
returns text
language plpgsql
stable
security definer -- reads the settings
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select left(md5(concat_ws(':', s.epoch, system.system_identifier, checkpoint.timeline_id)), 16)
    from tidemark.settings s
    cross join pg_control_system() system
    cross join pg_control_checkpoint() checkpoint
  );
end
$$;
