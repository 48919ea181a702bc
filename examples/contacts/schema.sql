-- People and their photos. Tags of two devices are united; of the rest the newer edit counts.
create table public.contacts (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid() references auth.users on delete cascade,
  name text not null,
  phone text,
  tags text[] not null default '{}',
  photo text
);
alter table public.contacts enable row level security;
create policy "own contacts" on public.contacts to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
select tidemark.add_table('public.contacts', 'user:user_id', columns => '{"tags": "union"}');

-- One row a setting: the device that has changed it last is right. Two devices that make the same setting
-- offline mean the same row, so its id says whose it is and which.
create table public.preferences (
  id text primary key,
  user_id uuid not null default auth.uid() references auth.users on delete cascade,
  value jsonb,
  constraint "named <user>/<setting>" check (id like user_id || '/%')
);
alter table public.preferences enable row level security;
create policy "own preferences" on public.preferences to authenticated
  using (user_id = (select auth.uid())) with check (user_id = (select auth.uid()));
select tidemark.add_table('public.preferences', 'user:user_id');

-- Photos: everybody has a folder of their own.
insert into storage.buckets (id, name, allowed_mime_types) values ('photos', 'photos', '{image/png}');
create policy "own photos" on storage.objects to authenticated
  using (bucket_id = 'photos' and (storage.foldername(name))[1] = (select auth.uid())::text)
  with check (bucket_id = 'photos' and (storage.foldername(name))[1] = (select auth.uid())::text);
