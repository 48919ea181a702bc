-- A person, what was talked about with them, and when to call again: a tree by foreign keys.
create table public.people (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references auth.users on delete cascade,
  name text not null
);
create table public.interactions (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references auth.users on delete cascade,
  person_id uuid not null references public.people on delete cascade,
  kind text not null,
  notes text not null default ''
);
create table public.reminders (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references auth.users on delete cascade,
  person_id uuid not null references public.people on delete cascade,
  due date not null constraint "not before this century" check (due >= '2000-01-01'),
  done boolean not null default false
);

alter table public.people enable row level security;
alter table public.interactions enable row level security;
alter table public.reminders enable row level security;
create policy "own people" on public.people to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy "own interactions" on public.interactions to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
create policy "own reminders" on public.reminders to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));

select tidemark.add_table('public.people', 'user:user_id');
select tidemark.add_table('public.interactions', 'user:user_id');
select tidemark.add_table('public.reminders', 'user:user_id', conflict => 'client_wins');
