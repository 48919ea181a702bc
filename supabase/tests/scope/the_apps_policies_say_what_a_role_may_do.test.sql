-- Tidemark says who belongs to a scope; what a member may do there, by a role in the members table, is the app's own RLS.
begin;
\ir ../helpers.psql
select plan(21);

-- An edit of a user, each on a device of their own; and the titles that a user downloads.
create function pg_temp.edit(name text, mutation jsonb) returns jsonb language sql as $$
  select pg_temp.push_one(ascii(name), '{"table": "role_items"}' || mutation, name => name)
$$;
create function pg_temp.titles(name text) returns text[] language sql as $$
  select array(select r ->> 'title' from jsonb_array_elements(pg_temp.download('role_items', name)) r order by 1)
$$;

create table public.role_members (trip_id int not null, user_id uuid not null, role text not null, primary key (trip_id, user_id));
create table public.role_items (id int primary key, trip_id int not null, title text, for_editors boolean not null default false);
alter table public.role_members enable row level security;
alter table public.role_items enable row level security;
grant select, insert, update, delete on public.role_items to authenticated;
create function public.my_role(trip int) returns text language sql stable security definer set search_path = '' as $$
  select m.role from public.role_members m where m.trip_id = trip and m.user_id = auth.uid()
$$;
create policy "members read" on public.role_items for select to authenticated
  using (public.my_role(trip_id) = 'editor' or public.my_role(trip_id) = 'viewer' and not for_editors);
create policy "editors add" on public.role_items for insert to authenticated with check (public.my_role(trip_id) = 'editor');
create policy "editors change" on public.role_items for update to authenticated using (public.my_role(trip_id) = 'editor');
create policy "editors delete" on public.role_items for delete to authenticated using (public.my_role(trip_id) = 'editor');
select tidemark.add_scope('roletrip', 'public.role_members', 'trip_id', 'user_id');
select tidemark.add_table('public.role_items', 'roletrip:trip_id');

-- e edits, v views trip 1; n has nothing to do with it; x edits trip 2.
insert into public.role_members values (1, pg_temp.user_id('e'), 'editor'), (1, pg_temp.user_id('b'), 'viewer'), (2, pg_temp.user_id('c'), 'editor');
insert into public.role_items values (1, 1, 'tent', false), (2, 1, 'surprise', true), (3, 2, 'skis', false);

select is(pg_temp.titles('e'), array['surprise', 'tent'], 'an editor gets every row of the trip');
select is(pg_temp.titles('b'), array['tent'], 'a viewer those that the policy shows');
select is(pg_temp.titles('c'), array['skis'], 'a member of another trip that trip''s');
select is(pg_temp.titles('d'), '{}'::text[], 'who is nowhere a member nothing');

select is(pg_temp.edit('e', '{"op": "put", "id": "10", "data": {"trip_id": 1, "title": "stove"}}') ->> 'status', 'applied', 'an editor adds');
select is(pg_temp.edit('e', '{"op": "patch", "id": "1", "base": 1, "data": {"title": "big tent"}}') ->> 'status', 'applied', 'changes');
select is(pg_temp.edit('e', '{"op": "delete", "id": "10", "base": 1}') ->> 'status', 'applied', 'and deletes');
select is(pg_temp.edit('b', '{"op": "put", "id": "11", "data": {"trip_id": 1, "title": "stove"}}') #>> '{error,code}', 'forbidden', 'a viewer does not add');
select is(pg_temp.edit('b', '{"op": "patch", "id": "1", "base": 2, "data": {"title": "my tent"}}') #>> '{error,code}', 'forbidden', 'nor change');
select is(pg_temp.edit('b', '{"op": "delete", "id": "1", "base": 2}') #>> '{error,code}', 'forbidden', 'nor delete');
select is(pg_temp.edit('b', '{"op": "patch", "id": "2", "base": 1, "data": {"title": "spoiled"}}') #>> '{error,code}', 'not_found', 'a row that is hidden from them is not there');
select is(pg_temp.edit('b', '{"op": "patch", "id": "3", "base": 1, "data": {"title": "spoiled"}}') #>> '{error,code}', 'not_found', 'nor is one of another trip');
select is(pg_temp.edit('b', '{"op": "put", "id": "3", "data": {"trip_id": 1, "title": "mine"}}') #>> '{error,code}', 'forbidden', 'its id is taken without saying by what');
select is(pg_temp.edit('d', '{"op": "put", "id": "12", "data": {"trip_id": 1, "title": "intruder"}}') #>> '{error,code}', 'forbidden', 'who is no member adds nothing');
select is(pg_temp.edit('e', '{"op": "patch", "id": "1", "base": 2, "data": {"trip_id": 2}}') #>> '{error,code}', 'forbidden', 'nor does an editor move a row to where they are none');

-- Promoted and demoted.
update public.role_members set role = 'editor' where user_id = pg_temp.user_id('b');
select is(pg_temp.titles('b'), array['big tent', 'surprise'], 'a viewer who becomes an editor gets what editors get');
select is(pg_temp.edit('b', '{"op": "patch", "id": "1", "base": 2, "data": {"title": "our tent"}}') ->> 'status', 'applied', 'and may do what editors may');
update public.role_members set role = 'viewer' where user_id = pg_temp.user_id('e');
select is(pg_temp.titles('e'), array['our tent'], 'an editor who becomes a viewer no longer gets it');
select is(pg_temp.edit('e', '{"op": "patch", "id": "1", "base": 3, "data": {"title": "still mine"}}') #>> '{error,code}', 'forbidden', 'nor may');

select is((select array_agg(title order by id) from public.role_items where deleted_at is null), array['our tent', 'surprise', 'skis'], 'nothing else was written');
select is(
  (select count(*) from pg_temp.log_of('role_items') c where c.scope not in ('roletrip:1', 'roletrip:2')),
  0::bigint, 'nor logged anywhere else'
);

select * from finish();
rollback;
