-- Nothing is lost silently: an answer names the columns whose value did not stay.
begin;
select plan(7);

create table public.lossy (
  id uuid primary key,
  user_id uuid not null default auth.uid(),
  name text, phone text, note text, tags text[], visits int, high int
);
alter table public.lossy enable row level security;
grant select, insert, update, delete on public.lossy to authenticated;
create policy "own rows" on public.lossy to authenticated using (user_id = (select auth.uid()));
select tidemark.add_table('public.lossy', 'user:user_id', 'server_wins',
  '{"note": "client", "tags": "union", "visits": "sum", "high": "max"}');

-- A mutation as the signed-in user: {table, op, id, base, …} in, its result out.
create temp sequence seq;
create function pg_temp.push(device text, mutation jsonb, options json default '{}') returns jsonb
language plpgsql
as $$
declare
  numbered json := jsonb_build_array(mutation || jsonb_build_object('seq', nextval('pg_temp.seq')));
  answer jsonb;
begin
  perform set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true),
    set_config('role', 'authenticated', true);
  answer := public.sync_push(format('00000000-0000-4000-8000-0000000000d%s', device)::uuid, numbered, options) -> 'results' -> 0;
  perform set_config('role', 'postgres', true);
  return answer;
end
$$;

select pg_temp.push('0', '{"table": "lossy", "op": "put", "id": "00000000-0000-4000-8000-000000000001",
  "data": {"name": "b", "phone": "b", "note": "b", "tags": ["b"], "visits": 1, "high": 1}}');
select pg_temp.push('1', '{"table": "lossy", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1,
  "data": {"name": "t", "phone": "t", "note": "t", "tags": ["b", "t"], "visits": 3, "high": 5}}');

create temp table answer as
select pg_temp.push('2', '{"table": "lossy", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1,
  "data": {"name": "o", "phone": "t", "note": "o", "tags": ["b", "o"], "visits": 4, "high": 2},
  "old": {"tags": ["b"], "visits": 1}}') as a;

select is(a -> 'lost', '["high", "name"]', 'lost names the columns whose own value did not win, in order, and no other')
from answer;
select is(a ->> 'status', 'merged', 'an edit of which something was kept is merged') from answer;
select is(
  (a -> 'row') - '{id,user_id,updated_at}'::text[],
  '{"name": "t", "phone": "t", "note": "o", "tags": ["b", "t", "o"], "visits": 6, "high": 5, "version": 3, "deleted_at": null}'::jsonb,
  'the answer carries the row as it is stored'
) from answer;

select is(
  pg_temp.push('3', '{"table": "lossy", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1, "data": {"name": "o"}}')
    - '{seq,row}'::text[],
  '{"status": "conflict", "version": 3, "lost": ["name"]}'::jsonb,
  'an edit of which nothing was kept is a conflict and writes nothing'
);
select is(
  pg_temp.push('3', '{"table": "lossy", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 3, "data": {"name": "o"}}')
    - 'seq',
  '{"status": "applied", "version": 4}'::jsonb,
  'an edit of the row as it is loses nothing, and says no more than its version'
);

-- What was overruled is told again when the answer got lost.
select set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true);
set local role authenticated;
select public.sync_push('00000000-0000-4000-8000-0000000000d4',
  '[{"seq": 1000, "table": "lossy", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 3, "data": {"name": "later"}}]');
select is(
  public.sync_push('00000000-0000-4000-8000-0000000000d4',
    '[{"seq": 1000, "table": "lossy", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 3, "data": {"name": "later"}}]')
    #>> '{results,0,status}',
  'duplicate',
  'the same seq again is a duplicate'
);
select is(
  public.sync_push('00000000-0000-4000-8000-0000000000d4',
    '[{"seq": 1000, "table": "lossy", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 3, "data": {"name": "later"}}]')
    #>> '{results,0,lost}',
  '["name"]',
  'a duplicate''s answer still names what was lost'
);
reset role;

select * from finish();
rollback;
