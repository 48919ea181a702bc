-- Members are rows like others: an owner invites and removes people offline, and a membership that is a tombstone is none.
begin;
\ir ../helpers.psql
select plan(15);

create table public.band_members (id uuid primary key, band_id int not null, user_id uuid not null, role text not null default 'guest', deleted_at timestamptz);
create table public.band_songs (id uuid primary key, band_id int not null, title text);
alter table public.band_songs enable row level security;
grant select, insert, update, delete on public.band_members, public.band_songs to authenticated;
select pg_temp.allow_all('public.band_members');
create policy "members" on public.band_songs to authenticated using (
  exists (select from public.band_members m where m.band_id = band_songs.band_id and m.user_id = (select auth.uid()) and m.deleted_at is null)
);
select tidemark.add_scope('band', 'public.band_members', 'band_id', 'user_id');
select tidemark.add_table('public.band_members', 'band:band_id');
select tidemark.add_table('public.band_songs', 'band:band_id');

insert into public.band_members values ('00000000-0000-4000-8000-0000000000a1', 1, pg_temp.user_id('a'), 'owner');
select is(pg_temp.scopes('a', 'band'), array['band:1'], 'the owner is in');
select is(
  pg_temp.push_one(1, jsonb_build_object('table', 'band_members', 'op', 'put', 'id', '00000000-0000-4000-8000-0000000000b1',
    'data', jsonb_build_object('band_id', 1, 'user_id', pg_temp.user_id('b')))) ->> 'status', 'applied', 'and invites another user by a push'
);
select is(pg_temp.scopes('b', 'band'), array['band:1'], 'the invited user is in');
insert into public.band_songs (id, band_id, title) values ('00000000-0000-4000-8000-000000000051', 1, 'one');
select is(
  pg_temp.push_one(2, '{"table": "band_songs", "op": "patch", "id": "00000000-0000-4000-8000-000000000051", "base": 1, "data": {"title": "two"}}', name => 'b') ->> 'status',
  'applied', 'and edits what the policies let a member edit'
);

-- Removed, softly.
select is(
  pg_temp.push_one(1, '{"table": "band_members", "op": "delete", "id": "00000000-0000-4000-8000-0000000000b1", "base": 1}') ->> 'status', 'applied', 'the owner removes them'
);
select ok((select deleted_at is not null from public.band_members where user_id = pg_temp.user_id('b')), 'the membership becomes a tombstone');
select is(pg_temp.scopes('b', 'band'), '{}'::text[], 'and they are out');
select is(
  (select array_agg(op || ' ' || row_id order by id) from tidemark.sync_changes where table_no = 0 and scope = 'user:' || pg_temp.user_id('b')),
  array['join band:1', 'leave band:1'], 'their devices are told both'
);
select is(
  pg_temp.push_one(2, '{"table": "band_songs", "op": "patch", "id": "00000000-0000-4000-8000-000000000051", "base": 2, "data": {"title": "three"}}', name => 'b') #>> '{error,code}',
  'not_found', 'their edits find nothing any more'
);
select is(
  pg_temp.push_one(1, '{"table": "band_members", "op": "delete", "id": "00000000-0000-4000-8000-0000000000b1", "base": 2}') ->> 'status', 'applied', 'removing them again'
);
select is((select count(*) from tidemark.sync_changes where table_no = 0 and scope = 'user:' || pg_temp.user_id('b')), 2::bigint, 'logs nothing');

-- Without sync for the members table, its tombstones are still none.
select tidemark.remove_table('public.band_members');
select is(pg_temp.scopes('b', 'band'), '{}'::text[], 'a tombstone does not come to life when its table is no longer synced');
select is(pg_temp.scopes('a', 'band'), array['band:1'], 'members stay members');
delete from public.band_members where user_id = pg_temp.user_id('a');
select is(pg_temp.scopes('a', 'band'), '{}'::text[], 'one who is deleted is out');
select is(
  (select array_agg(op || ' ' || row_id order by id) from tidemark.sync_changes where table_no = 0 and scope = 'user:' || pg_temp.user_id('a')),
  array['join band:1', 'leave band:1'], 'and is told'
);

select * from finish();
rollback;
