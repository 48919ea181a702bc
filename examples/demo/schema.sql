-- Reference data: every signed-in user reads it, nobody writes it through the API.
create table public.cities (
  id bigint primary key,
  name text not null,
  country text not null,
  population bigint not null,
  latitude double precision not null,
  longitude double precision not null
);
alter table public.cities enable row level security;
create policy "signed-in users read cities" on public.cities
  for select to authenticated using (true);
revoke all on public.cities from anon, authenticated;
grant select on public.cities to authenticated;
select tidemark.add_table('public.cities', 'public');

-- Each user's own list, theirs to edit.
create table public.countries (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references auth.users on delete cascade,
  code text not null,
  name text not null,
  capital text,
  region text not null,
  area double precision not null,
  landlocked boolean not null,
  languages jsonb not null default '{}',
  visited boolean not null default false,
  note text,
  stars smallint constraint "one to five stars" check (stars between 1 and 5)
);
alter table public.countries enable row level security;
create policy "users have their own list" on public.countries
  to authenticated
  using ((select auth.uid()) = user_id)
  with check ((select auth.uid()) = user_id);
revoke all on public.countries from anon, authenticated;
grant select, insert, update, delete on public.countries to authenticated;
select tidemark.add_table('public.countries', 'user:user_id');

-- Deleted rows stay as tombstones, so what is unique is so among the others.
create unique index "a country once a list" on public.countries (user_id, code)
  where deleted_at is null;
