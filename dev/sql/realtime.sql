-- The part of Realtime's schema that broadcasts from the database need. Runs once, as the superuser
-- supabase_admin, in a new data folder. Where hosted Realtime reads the write-ahead log, the local one
-- (dev/realtime) is told of a message by NOTIFY; both hear of it when its transaction commits.

create role supabase_realtime_admin login noinherit;
grant anon, authenticated, service_role to supabase_realtime_admin;

create schema realtime authorization supabase_realtime_admin;
grant usage on schema realtime to postgres, anon, authenticated, service_role;

create table realtime.messages (
  topic text not null,
  extension text not null,
  payload jsonb,
  event text,
  private boolean default false,
  updated_at timestamp not null default now(),
  inserted_at timestamp not null default now(),
  id uuid not null default gen_random_uuid(),
  primary key (id, inserted_at)
);
alter table realtime.messages enable row level security;
alter table realtime.messages owner to supabase_realtime_admin;
grant select, insert, update on realtime.messages to postgres, anon, authenticated, service_role;
-- Hosted projects let postgres make policies there without owning it; plain Postgres by membership alone.
grant supabase_realtime_admin to postgres;

create function realtime.topic() returns text
language sql stable
as $$
  select nullif(current_setting('realtime.topic', true), '')
$$;

create function realtime.send(payload jsonb, event text, topic text, private boolean default true) returns void
language plpgsql
as $$
begin
  perform set_config('realtime.topic', topic, true);
  insert into realtime.messages (payload, event, topic, private, extension)
  values (payload, event, topic, private, 'broadcast');
exception when others then
  raise warning 'a broadcast was not sent: %', sqlerrm;
end
$$;

create function realtime.announce_message() returns trigger
language plpgsql
as $$
begin
  perform pg_notify('realtime_messages', new.id::text);
  return null;
end
$$;
create trigger announce_message after insert on realtime.messages
  for each row execute function realtime.announce_message();
alter function realtime.topic() owner to supabase_realtime_admin;
alter function realtime.send(jsonb, text, text, boolean) owner to supabase_realtime_admin;
alter function realtime.announce_message() owner to supabase_realtime_admin;
