-- Nothing is lost silently: an answer names the columns whose value did not stay.
begin;
\ir ../helpers.psql
select plan(7);

create table public.lossy (
  id uuid primary key,
  user_id uuid not null default auth.uid(),
  name text, phone text, note text, tags text[], visits int, high int
);
select pg_temp.add_own_table('public.lossy', 'server_wins',
  '{"note": "client", "tags": "union", "visits": "sum", "high": "max"}');

select pg_temp.push_one(0, '{"table": "lossy", "op": "put", "id": "00000000-0000-4000-8000-000000000001",
  "data": {"name": "b", "phone": "b", "note": "b", "tags": ["b"], "visits": 1, "high": 1}}');
select pg_temp.push_one(1, '{"table": "lossy", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1,
  "data": {"name": "t", "phone": "t", "note": "t", "tags": ["b", "t"], "visits": 3, "high": 5}}');

create temp table answer as
select pg_temp.push_one(2, '{"table": "lossy", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1,
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
  pg_temp.push_one(3, '{"table": "lossy", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1, "data": {"name": "o"}}')
    - '{seq,row}'::text[],
  '{"status": "conflict", "version": 3, "lost": ["name"]}'::jsonb,
  'an edit of which nothing was kept is a conflict and writes nothing'
);
select is(
  pg_temp.push_one(3, '{"table": "lossy", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 3, "data": {"name": "o"}}')
    - 'seq',
  '{"status": "applied", "version": 4}'::jsonb,
  'an edit of the row as it is loses nothing, and says no more than its version'
);

-- What was overruled is told again when the answer got lost.
create function pg_temp.repeat() returns jsonb language sql as $$
  select pg_temp.push('[{"seq": 1000, "table": "lossy", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 3, "data": {"name": "later"}}]',
    device => 4)
$$;
select pg_temp.repeat();
select is(
  pg_temp.repeat() #>> '{0,status}',
  'duplicate',
  'the same seq again is a duplicate'
);
select is(
  pg_temp.repeat() #>> '{0,lost}',
  '["name"]',
  'a duplicate''s answer still names what was lost'
);

select * from finish();
rollback;
