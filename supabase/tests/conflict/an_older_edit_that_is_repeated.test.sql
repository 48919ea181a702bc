-- An edit that was refused comes again after newer ones of its own device: these stay.
begin;
select plan(7);

create table public.repeated (
  id uuid primary key,
  user_id uuid not null default auth.uid(),
  name text, phone text, visits int
);
alter table public.repeated enable row level security;
grant select, insert, update, delete on public.repeated to authenticated;
create policy "own rows" on public.repeated to authenticated using (user_id = (select auth.uid()));
select tidemark.add_table('public.repeated', 'user:user_id', 'client_wins', '{"visits": "sum"}');

-- A patch of the row by a device, as the signed-in user: its result.
create temp sequence seq;
create function pg_temp.push(mutation jsonb) returns jsonb
language plpgsql
as $$
declare
  numbered json := jsonb_build_array(
    '{"table": "repeated", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1}'
    || mutation || jsonb_build_object('seq', nextval('pg_temp.seq')));
  answer jsonb;
begin
  perform set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true),
    set_config('role', 'authenticated', true);
  answer := public.sync_push('00000000-0000-4000-8000-0000000000d1', numbered) -> 'results' -> 0;
  perform set_config('role', 'postgres', true);
  return answer;
end
$$;

select pg_temp.push('{"op": "put", "base": null, "data": {"name": "b", "phone": "b", "visits": 1}, "edited_at": "2026-01-01T09:00:00Z"}');
select pg_temp.push('{"data": {"name": "newer", "visits": 5}, "old": {"name": "b", "visits": 1}, "edited_at": "2026-01-01T11:00:00Z"}');

select is(
  pg_temp.push('{"data": {"name": "older", "phone": "older"}, "old": {"name": "b", "phone": "b"}, "edited_at": "2026-01-01T10:00:00Z"}') - '{seq,row}'::text[],
  '{"status": "merged", "version": 3, "lost": ["name"]}'::jsonb,
  'the older one is overruled where the newer one was made, whatever the policy, and told so'
);
select is(
  (select array[name, phone] from public.repeated), array['newer', 'older'],
  'and holds where it was not'
);
select is(
  pg_temp.push('{"data": {"visits": 2}, "old": {"visits": 1}, "edited_at": "2026-01-01T10:00:00Z"}') #>> '{row,visits}', '6',
  'a column whose rule puts values together has both'
);
select is(
  pg_temp.push('{"data": {"name": "older"}, "old": {"name": "b"}, "edited_at": "2026-01-01T10:00:00Z"}') - '{seq,row}'::text[],
  '{"status": "conflict", "version": 4, "lost": ["name"]}'::jsonb,
  'one of which nothing is left writes nothing'
);
select is(
  pg_temp.push('{"data": {"name": "third"}, "old": {"name": "newer"}, "edited_at": "2026-01-01T08:00:00Z"}') - 'seq',
  '{"status": "applied", "version": 5}'::jsonb,
  'an edit made on top of the newer one follows it, however the clock was set'
);
select is(
  pg_temp.push('{"data": {"phone": "fourth"}, "old": {"phone": "b"}, "edited_at": "2026-01-01T12:00:00Z"}') - 'seq',
  '{"status": "applied", "version": 6}'::jsonb,
  'a newer edit is not in the way of itself'
);
select is(
  (select array[name, phone] from public.repeated), array['third', 'fourth'],
  'and is plainly written'
);

select * from finish();
rollback;
