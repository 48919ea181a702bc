-- Any app: documents of a team, of which nobody's version may be lost.
create table public.teams (
  id uuid primary key default gen_random_uuid(),
  name text not null
);
create table public.team_members (
  team_id uuid not null references public.teams on delete cascade,
  user_id uuid not null references auth.users on delete cascade,
  primary key (team_id, user_id)
);
create table public.documents (
  id uuid primary key default gen_random_uuid(),
  team_id uuid not null references public.teams on delete cascade,
  title text not null,
  body text not null default ''
);
alter table public.teams enable row level security;
alter table public.team_members enable row level security;
alter table public.documents enable row level security;
create policy "members see their memberships" on public.team_members
  for select to authenticated using (user_id = (select auth.uid()));
create policy "members share documents" on public.documents to authenticated
  using (team_id in (select team_id from public.team_members where user_id = (select auth.uid())))
  with check (team_id in (select team_id from public.team_members where user_id = (select auth.uid())));

select tidemark.add_scope('team', 'public.team_members', 'team_id', 'user_id');
select tidemark.add_table('public.documents', 'team:team_id', conflict => 'keep_both');
