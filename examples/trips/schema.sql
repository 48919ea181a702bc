-- Trips that several people pack for. Who belongs to a trip is what trip_members says; whoever makes one
-- belongs to it.
create table public.trips (
  id uuid primary key default gen_random_uuid(),
  owner_id uuid not null default auth.uid() references auth.users on delete cascade,
  name text not null
);
create table public.trip_members (
  trip_id uuid not null references public.trips on delete cascade,
  user_id uuid not null references auth.users on delete cascade,
  primary key (trip_id, user_id)
);
create table public.people (
  id uuid primary key default gen_random_uuid(),
  trip_id uuid not null references public.trips on delete cascade,
  name text not null
);
create table public.items (
  id uuid primary key default gen_random_uuid(),
  trip_id uuid not null references public.trips on delete cascade,
  person_id uuid references public.people on delete set null,
  name text not null,
  quantity int not null default 1 constraint "at least one" check (quantity > 0),
  packed boolean not null default false
);
create table public.rule_overrides (
  id uuid primary key default gen_random_uuid(),
  trip_id uuid not null references public.trips on delete cascade,
  name text not null,
  quantity int not null
);

alter table public.trips enable row level security;
alter table public.trip_members enable row level security;
alter table public.people enable row level security;
alter table public.items enable row level security;
alter table public.rule_overrides enable row level security;

create policy "everyone makes trips" on public.trips
  for insert to authenticated with check (owner_id = (select auth.uid()));
create policy "members see trips" on public.trips
  for select to authenticated
  using (id in (select trip_id from public.trip_members where user_id = (select auth.uid())));
create policy "owners change trips" on public.trips
  for update to authenticated using (owner_id = (select auth.uid()));
create policy "members see where they belong" on public.trip_members
  for select to authenticated using (user_id = (select auth.uid()));
create policy "members share people" on public.people to authenticated
  using (trip_id in (select trip_id from public.trip_members where user_id = (select auth.uid())))
  with check (trip_id in (select trip_id from public.trip_members where user_id = (select auth.uid())));
create policy "members share items" on public.items to authenticated
  using (trip_id in (select trip_id from public.trip_members where user_id = (select auth.uid())))
  with check (trip_id in (select trip_id from public.trip_members where user_id = (select auth.uid())));
create policy "members share overrides" on public.rule_overrides to authenticated
  using (trip_id in (select trip_id from public.trip_members where user_id = (select auth.uid())))
  with check (trip_id in (select trip_id from public.trip_members where user_id = (select auth.uid())));

-- Definer rights: nobody makes members by themselves.
create function public.owner_joins() returns trigger
language plpgsql security definer set search_path = ''
as $$
begin
  insert into public.trip_members (trip_id, user_id) values (new.id, new.owner_id);
  return new;
end
$$;
create trigger owner_joins after insert on public.trips
  for each row execute function public.owner_joins();

-- Who owns a trip says who else belongs to it.
create function public.share_trip(trip uuid, with_user uuid, shared boolean) returns void
language plpgsql security definer set search_path = ''
as $$
begin
  if not exists (select from public.trips where id = trip and owner_id = auth.uid()) then
    raise sqlstate 'PT403' using message = 'not_the_owner';
  end if;
  if shared then
    insert into public.trip_members (trip_id, user_id) values (trip, with_user)
    on conflict do nothing;
  else
    delete from public.trip_members where trip_id = trip and user_id = with_user;
  end if;
end
$$;
revoke all on function public.share_trip from public, anon;

select tidemark.add_scope('trip', 'public.trip_members', 'trip_id', 'user_id');
select tidemark.add_table('public.trips', 'trip:id');
select tidemark.add_table('public.people', 'trip:trip_id');
select tidemark.add_table('public.items', 'trip:trip_id', columns => '{"quantity": "max"}');
select tidemark.add_table('public.rule_overrides', 'trip:trip_id');
