create table public.notes (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references auth.users on delete cascade,
  body text not null default ''
);
alter table public.notes enable row level security;
create policy "own notes" on public.notes to authenticated
  using (user_id = (select auth.uid()))
  with check (user_id = (select auth.uid()));

select tidemark.add_table('public.notes', 'user:user_id');
