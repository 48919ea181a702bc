-- Deleting is for whom the DELETE policy lets; setting deleted_at by hand must not go round it, nor bring a row back.
begin;
select plan(3);

create function pg_temp.sign_in(who uuid) returns void language sql as $$
  select set_config('role', 'authenticated', true),
    set_config('request.jwt.claims', json_build_object('sub', who, 'role', 'authenticated')::text, true)
$$;

create table public.archive (id int primary key, user_id uuid not null default auth.uid(), name text);
alter table public.archive enable row level security;
create policy "read" on public.archive for select using (true);
create policy "change" on public.archive for update using (true);
create policy "add" on public.archive for insert with check (true);
create policy "delete own" on public.archive for delete using (user_id = auth.uid());
create table public.archive_page (id int primary key, parent int references public.archive on delete cascade);
alter table public.archive_page enable row level security;
select tidemark.add_table('public.archive', 'public');
select tidemark.add_table('public.archive_page', 'public');
insert into public.archive values (1, '00000000-0000-4000-8000-00000000000b', 'a'), (2, '00000000-0000-4000-8000-00000000000b', 'b');
insert into public.archive_page values (1, 1);
delete from public.archive where id = 2;

select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
update public.archive set deleted_at = now(), name = 'mine' where id = 1;
update public.archive set deleted_at = null where id = 2;
reset role;
select results_eq(
  $$select name, deleted_at is null from public.archive where id = 1$$, $$values ('mine', true)$$,
  'an update cannot delete what its user may not delete'
);
select isnt((select deleted_at from public.archive where id = 2), null, 'an update cannot bring a deleted row back');
select is((select deleted_at from public.archive_page), null, 'and no child is left alive under a deleted parent');

select * from finish();
rollback;
