-- What the app keeps on the device from its first start; a project in the cloud is optional. Conflicts
-- wait for the app's own resolvers.
create table public.notifications (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references auth.users on delete cascade,
  text text not null,
  read boolean not null default false
);
create table public.projects (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references auth.users on delete cascade,
  name text not null,
  status text not null default 'active'
);
create table public.settings (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references auth.users on delete cascade,
  name text not null,
  value jsonb not null
);

alter table public.notifications enable row level security;
alter table public.projects enable row level security;
alter table public.settings enable row level security;
create policy "own notifications" on public.notifications to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy "own projects" on public.projects to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy "own settings" on public.settings to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

select tidemark.add_table('public.notifications', 'user:user_id', conflict => 'manual');
select tidemark.add_table('public.projects', 'user:user_id', conflict => 'manual');
select tidemark.add_table('public.settings', 'user:user_id');
