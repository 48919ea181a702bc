-- What the playground edits: contacts of one user, and packing lists that several people share. In a schema
-- of its own, so that it gets in the way of nothing; `drop schema playground cascade` takes it off again.
create schema playground;
grant usage on schema playground to authenticated;

create table playground.contacts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references auth.users on delete cascade,
  name text not null constraint "a name is not empty" check (name <> ''),
  phone text constraint "digits, spaces and + ( ) - alone" check (phone ~ '^[0-9 +()-]*$'),
  tags text[] not null default '{}',
  notes text not null default '',
  visits int not null default 0
);
create table playground.trips (
  id uuid primary key default gen_random_uuid(),
  owner_id uuid not null default auth.uid() references auth.users on delete cascade,
  owner_name text not null,
  name text not null
);
-- Synced itself, so that people are invited and removed like anything else is written.
create table playground.trip_members (
  id uuid primary key default gen_random_uuid(),
  trip_id uuid not null references playground.trips on delete cascade,
  user_id uuid not null references auth.users on delete cascade,
  name text not null
);
create table playground.packing (
  id uuid primary key default gen_random_uuid(),
  trip_id uuid not null references playground.trips on delete cascade,
  name text not null,
  quantity int not null default 1 constraint "at least one" check (quantity > 0),
  packed boolean not null default false
);

alter table playground.contacts enable row level security;
alter table playground.trips enable row level security;
alter table playground.trip_members enable row level security;
alter table playground.packing enable row level security;
grant select, insert, update, delete
  on playground.contacts, playground.trips, playground.trip_members, playground.packing to authenticated;

select tidemark.add_scope('trip', 'playground.trip_members', 'trip_id', 'user_id');
-- Names and notes are a person's to decide where two devices disagree; the other columns decide themselves.
select tidemark.add_table(
  'playground.contacts', 'user:user_id', 'manual',
  '{"tags": "union", "visits": "sum", "phone": "newest"}'
);
select tidemark.add_table('playground.trips', 'trip:id');
select tidemark.add_table('playground.trip_members', 'trip:trip_id');
select tidemark.add_table('playground.packing', 'trip:trip_id', columns => '{"quantity": "max"}');
create unique index "once in a trip" on playground.trip_members (trip_id, user_id) where deleted_at is null;

-- Definer rights: the policy of the members table asks for them, and would ask itself.
create function playground.my_trips() returns setof uuid
language sql stable security definer set search_path = ''
as $$
  select trip_id from playground.trip_members where user_id = auth.uid() and deleted_at is null
$$;
-- Definer rights: who makes a trip is not in it yet.
create function playground.owner_joins() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into playground.trip_members (trip_id, user_id, name) values (new.id, new.owner_id, new.owner_name);
  return new;
end
$$;
revoke all on function playground.my_trips(), playground.owner_joins() from public;
grant execute on function playground.my_trips() to authenticated;
create trigger owner_joins after insert on playground.trips
  for each row execute function playground.owner_joins();

create policy "own contacts" on playground.contacts to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy "members see trips" on playground.trips for select to authenticated
  using (owner_id = (select auth.uid()) or id in (select playground.my_trips()));
create policy "everyone makes trips" on playground.trips for insert to authenticated
  with check (owner_id = (select auth.uid()));
create policy "owners change trips" on playground.trips for update to authenticated
  using (owner_id = (select auth.uid()));
create policy "members see who is in" on playground.trip_members for select to authenticated
  using (trip_id in (select playground.my_trips()));
create policy "owners invite" on playground.trip_members for insert to authenticated
  with check (trip_id in (select id from playground.trips where owner_id = (select auth.uid())));
create policy "owners remove others" on playground.trip_members for delete to authenticated
  using (
    user_id <> (select auth.uid())
    and trip_id in (select id from playground.trips where owner_id = (select auth.uid()))
  );
create policy "members pack together" on playground.packing to authenticated
  using (trip_id in (select playground.my_trips())) with check (trip_id in (select playground.my_trips()));
