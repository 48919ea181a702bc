-- Devices: whose they are, and how far their pushes got. sync_push locks the row of its device until the transaction
-- ends, so two equal calls at once run one after the other.

create table tidemark.sync_devices (
  device_id uuid primary key,
  user_id uuid not null,
  name text,
  platform text,
  client_version text,
  registered_at timestamptz not null default now(),
  last_seen_at timestamptz not null default now(),
  last_seq bigint not null default 0,
  -- Results that the device may not have received: those that were more than "applied", by seq, since the oldest
  -- mutation it last sent. A repeated seq is answered with them.
  outcomes jsonb not null default '{}',
  -- Batches whose answers the device may not have received, the latest last: [{"id", "above", "to"}]. A batch did its
  -- work on the numbers above the one that was answered before it first came. A repeat is told so, and with that it
  -- can be told from the batch of a cloned device, which has the same numbers.
  batches jsonb not null default '[]',
  counters jsonb not null default '{}', -- {table: {status: how many mutations}}
  revoked_at timestamptz,
  constraint last_seq_counts_from_one check (last_seq >= 0)
);
comment on table tidemark.sync_devices is
  'One row a device: owner, description, last push, last sequence number, revocation.';

create index sync_devices_user on tidemark.sync_devices (user_id);

-- Refuses a device that belongs to another user or was revoked: 403. An unknown one passes, and its first push
-- registers it.
create function tidemark.require_device(device uuid)
returns void
language plpgsql
stable
security definer -- a caller may learn only that a device is not theirs, which the answer says anyway
set search_path = pg_catalog, pg_temp
as $$
declare
  found_device tidemark.sync_devices;
begin
  if device is null then
    perform tidemark.raise_api_error(400, 'malformed', 'device_id: expected a uuid');
  end if;
  select d.* into found_device from tidemark.sync_devices d where d.device_id = device;
  if found_device.user_id <> auth.uid() then
    perform tidemark.raise_api_error(403, 'device_of_another_user', 'this device is registered to another user',
      'Create a new device id for this user; keep one store a user.');
  elsif found_device.revoked_at is not null then
    perform tidemark.raise_api_error(403, 'device_revoked', 'this device was revoked',
      'Its queue is kept: sign in again with a new device id.');
  end if;
end
$$;

-- Registers the device if it is new, and holds its row until the transaction ends.
create function tidemark.lock_device(device uuid, out last_seq bigint, out outcomes jsonb, out batches jsonb)
language plpgsql
volatile
security definer -- writes the caller's own device row
set search_path = pg_catalog, pg_temp
as $$
begin
  if device is null then
    perform tidemark.raise_api_error(400, 'malformed', 'device_id: expected a uuid');
  end if;
  insert into tidemark.sync_devices (device_id, user_id)
  values (device, auth.uid())
  on conflict do nothing;
  perform tidemark.require_device(device);
  select d.last_seq, d.outcomes, d.batches into lock_device.last_seq, lock_device.outcomes, lock_device.batches
  from tidemark.sync_devices d
  where d.device_id = device and d.user_id = auth.uid()
  for update;
end
$$;

-- Counters live in the device's own row, which the push holds anyway: a shared one would make all
-- pushes wait for each other.
create function tidemark.finish_push(device uuid, last_seq bigint, outcomes jsonb, batches jsonb, counts jsonb)
returns void
language plpgsql
volatile
security definer -- writes the caller's own device row
set search_path = pg_catalog, pg_temp
as $$
begin
  update tidemark.sync_devices d
  set last_seq = finish_push.last_seq,
      outcomes = finish_push.outcomes,
      batches = finish_push.batches,
      last_seen_at = now(),
      counters = case when counts is null then d.counters else d.counters || (
        select jsonb_object_agg(by_table.key, coalesce(d.counters -> by_table.key, '{}') || (
          select jsonb_object_agg(
            counted.key, counted.value::bigint + coalesce((d.counters -> by_table.key ->> counted.key)::bigint, 0))
          from jsonb_each_text(by_table.value) counted))
        from jsonb_each(counts) by_table) end
  where d.device_id = device and d.user_id = auth.uid() and d.last_seq <= finish_push.last_seq;
end
$$;

create function public.sync_register_device(device_id uuid, info json default '{}')
returns json
language plpgsql
volatile
security definer -- writes the caller's own device row
set search_path = pg_catalog, pg_temp
as $$
declare
  found_seq bigint;
begin
  perform tidemark.require_user();
  if json_typeof(coalesce(info, '{}')) <> 'object' then
    perform tidemark.raise_api_error(400, 'malformed', 'info: expected an object');
  end if;
  perform tidemark.lock_device(sync_register_device.device_id);
  update tidemark.sync_devices d
  set name = coalesce(left(info ->> 'name', 200), d.name),
      platform = coalesce(left(info ->> 'platform', 200), d.platform),
      client_version = coalesce(left(info ->> 'client_version', 200), d.client_version),
      last_seen_at = now()
  where d.device_id = sync_register_device.device_id
  returning d.last_seq into found_seq;
  return json_build_object('device_id', sync_register_device.device_id, 'last_seq', found_seq, 'server_time', now());
end
$$;
comment on function public.sync_register_device(uuid, json) is
  'Registers or describes a device: info is {name, platform, client_version}. Answers {device_id, last_seq, '
  'server_time}.';

create function public.sync_devices()
returns json
language plpgsql
stable
security definer -- reads the caller's own device rows
set search_path = pg_catalog, pg_temp
as $$
declare
  me uuid := tidemark.require_user();
begin
  return (
    select coalesce(json_agg(json_build_object(
      'device_id', d.device_id, 'name', d.name, 'platform', d.platform, 'client_version', d.client_version,
      'registered_at', d.registered_at, 'last_seen_at', d.last_seen_at,
      'lag_seconds', round(extract(epoch from now() - d.last_seen_at)),
      'last_seq', d.last_seq, 'revoked_at', d.revoked_at
    ) order by d.registered_at, d.device_id), '[]'::json)
    from tidemark.sync_devices d
    where d.user_id = me
  );
end
$$;
comment on function public.sync_devices() is 'The caller''s devices, oldest first.';

create function public.sync_revoke_device(device_id uuid)
returns json
language plpgsql
volatile
security definer -- writes the caller's own device row
set search_path = pg_catalog, pg_temp
as $$
declare
  revoked timestamptz;
begin
  perform tidemark.require_user();
  update tidemark.sync_devices d
  set revoked_at = coalesce(d.revoked_at, now())
  where d.device_id = sync_revoke_device.device_id and d.user_id = auth.uid()
  returning d.revoked_at into revoked;
  return json_build_object('device_id', sync_revoke_device.device_id, 'revoked_at', revoked);
end
$$;
comment on function public.sync_revoke_device(uuid) is
  'Refuses every further push and pull of one of the caller''s devices. revoked_at is null where the caller has no '
  'such device.';
