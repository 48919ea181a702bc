-- In a shared scope a conflict belongs to the user whose edit waits; the other side is named in its analysis.
begin;
\ir ../helpers.psql
select plan(10);

create table public.pair_members (pair int not null, user_id uuid not null, primary key (pair, user_id));
create table public.pair_notes (id int primary key, pair int not null, text text, note text);
alter table public.pair_notes enable row level security;
grant select, insert, update, delete on public.pair_notes to authenticated;
create function public.in_pair(wanted int) returns boolean language sql stable security definer set search_path = '' as $$
  select exists (select from public.pair_members m where m.pair = wanted and m.user_id = auth.uid())
$$;
create policy "members" on public.pair_notes to authenticated using (public.in_pair(pair));
select tidemark.add_scope('pairkind', 'public.pair_members', 'pair', 'user_id');
select tidemark.add_table('public.pair_notes', 'pairkind:pair', 'manual');
insert into public.pair_members values (1, pg_temp.user_id('a')), (1, pg_temp.user_id('b'));
insert into public.pair_notes values (1, 1, 'b');

select pg_temp.push_one(1, '{"table": "pair_notes", "op": "patch", "id": "1", "base": 1, "data": {"text": "a"}}', name => 'a');
select pg_temp.push_one(2, '{"table": "pair_notes", "op": "patch", "id": "1", "base": 1, "data": {"text": "b"}}', name => 'b');

select is(pg_temp.open_conflicts('a'), '[]'::jsonb, 'the user whose edit is stored has nothing to decide');
create temp table listed as select pg_temp.open_conflicts('b') as l;
select is(jsonb_array_length(l), 1, 'the user whose edit waits has one conflict') from listed;
select is(
  l #> '{0,analysis,user}',
  jsonb_build_object('same_user', false, 'client_user', pg_temp.user_id('b'), 'client_device', pg_temp.device(2),
    'server_user', pg_temp.user_id('a'), 'server_device', pg_temp.device(1)),
  'and sees who is on the other side'
) from listed;
select is(l #>> '{0,server,text}' || (l #>> '{0,client,text}'), 'ab', 'with both versions') from listed;
select throws_ok(
  format('select pg_temp.resolve(%L, ''{"take": "client"}'', ''a'')', l #>> '{0,conflict_id}'),
  'PT404', 'conflict_not_open', 'the other user does not decide it'
) from listed;

-- Removed from the scope: the row is out of sight, and so is the conflict.
delete from public.pair_members where user_id = pg_temp.user_id('b');
select is(pg_temp.open_conflicts('b'), '[]'::jsonb, 'a user who was removed from the scope no longer sees the other''s version');
select is(
  (select pg_temp.resolve(l #>> '{0,conflict_id}', '{"take": "client"}', 'b') #>> '{error,code}' from listed),
  'not_found', 'nor reaches the row by deciding'
);
select is((select text from public.pair_notes), 'a', 'the row is untouched');
insert into public.pair_members values (1, pg_temp.user_id('b'));
select is(
  (select pg_temp.resolve(l #>> '{0,conflict_id}', '{"take": "client"}', 'b') ->> 'status' from listed), 'resolved',
  'a user who is a member again decides it'
);
select tidemark.remove_table('public.pair_notes');
select is(pg_temp.open_conflicts('b'), '[]'::jsonb, 'a table that is no longer synced leaves no conflicts to list');

select * from finish();
rollback;
