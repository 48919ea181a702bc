-- An edit that was refused comes again after newer ones of its own device: these stay.
begin;
\ir ../helpers.psql
select plan(7);

create table public.repeated (
  id uuid primary key,
  user_id uuid not null default auth.uid(),
  name text, phone text, visits int
);
select pg_temp.add_own_table('public.repeated', 'client_wins', '{"visits": "sum"}');

-- A patch of the row by device 1: its result.
create function pg_temp.patch(mutation jsonb) returns jsonb language sql as $$
  select pg_temp.push_one(1, '{"table": "repeated", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1}' || mutation)
$$;

select pg_temp.patch('{"op": "put", "base": null, "data": {"name": "b", "phone": "b", "visits": 1}, "edited_at": "2026-01-01T09:00:00Z"}');
select pg_temp.patch('{"data": {"name": "newer", "visits": 5}, "old": {"name": "b", "visits": 1}, "edited_at": "2026-01-01T11:00:00Z"}');

select is(
  pg_temp.patch('{"data": {"name": "older", "phone": "older"}, "old": {"name": "b", "phone": "b"}, "edited_at": "2026-01-01T10:00:00Z"}') - '{seq,row}'::text[],
  '{"status": "merged", "version": 3, "lost": ["name"]}'::jsonb,
  'the older one is overruled where the newer one was made, whatever the policy, and told so'
);
select is(
  (select array[name, phone] from public.repeated), array['newer', 'older'],
  'and holds where it was not'
);
select is(
  pg_temp.patch('{"data": {"visits": 2}, "old": {"visits": 1}, "edited_at": "2026-01-01T10:00:00Z"}') #>> '{row,visits}', '6',
  'a column whose rule puts values together has both'
);
select is(
  pg_temp.patch('{"data": {"name": "older"}, "old": {"name": "b"}, "edited_at": "2026-01-01T10:00:00Z"}') - '{seq,row}'::text[],
  '{"status": "conflict", "version": 4, "lost": ["name"]}'::jsonb,
  'one of which nothing is left writes nothing'
);
select is(
  pg_temp.patch('{"data": {"name": "third"}, "old": {"name": "newer"}, "edited_at": "2026-01-01T08:00:00Z"}') - 'seq',
  '{"status": "applied", "version": 5}'::jsonb,
  'an edit made on top of the newer one follows it, however the clock was set'
);
select is(
  pg_temp.patch('{"data": {"phone": "fourth"}, "old": {"phone": "b"}, "edited_at": "2026-01-01T12:00:00Z"}') - 'seq',
  '{"status": "applied", "version": 6}'::jsonb,
  'a newer edit is not in the way of itself'
);
select is(
  (select array[name, phone] from public.repeated), array['third', 'fourth'],
  'and is plainly written'
);

select * from finish();
rollback;
