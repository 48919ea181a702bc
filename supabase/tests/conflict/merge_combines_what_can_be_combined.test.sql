-- merge: lists are united, objects merged, single values the newer edit's.
begin;
select plan(8);

create table public.mergers (id uuid primary key, user_id uuid not null default auth.uid(), title text, tags text[], list jsonb, prefs jsonb, n int);
alter table public.mergers enable row level security;
grant select, insert, update, delete on public.mergers to authenticated;
create policy "own rows" on public.mergers to authenticated using (user_id = (select auth.uid()));
select tidemark.add_table('public.mergers', 'user:user_id', 'merge');

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

create function pg_temp.merged(before jsonb, theirs jsonb, ours jsonb, age text) returns jsonb
language plpgsql
as $$
declare
  mutation jsonb := jsonb_build_object('table', 'mergers', 'id', gen_random_uuid());
  answer jsonb;
begin
  perform pg_temp.push('0', mutation || jsonb_build_object('op', 'put', 'data', before));
  perform pg_temp.push('1', mutation || jsonb_build_object('op', 'patch', 'base', 1, 'edited_at', now() - interval '10 minutes', 'data', theirs));
  answer := pg_temp.push('2', mutation || jsonb_build_object('op', 'patch', 'base', 1, 'data', ours, 'old', before,
    'edited_at', now() - case age when 'older' then interval '20 minutes' else interval '5 minutes' end));
  return (select jsonb_strip_nulls(to_jsonb(t) - '{id,user_id,version,updated_at}'::text[] || jsonb_build_object('lost', answer -> 'lost'))
    from public.mergers t where t.id = (mutation ->> 'id')::uuid);
end
$$;

select is(pg_temp.merged(c.before::jsonb, c.theirs::jsonb, c.ours::jsonb, c.age), c.expected::jsonb, c.description)
from (values
  ('arrays: additions and removals of both sides', '{"tags": ["a", "b"]}', '{"tags": ["b", "t"]}', '{"tags": ["a", "b", "o"]}', 'older', '{"tags": ["b", "t", "o"]}'),
  ('json arrays likewise', '{"list": [1, 2]}', '{"list": [2, 3]}', '{"list": [1, 2, 4]}', 'older', '{"list": [2, 3, 4]}'),
  ('objects: key by key', '{"prefs": {"a": 1}}', '{"prefs": {"a": 1, "t": 1}}', '{"prefs": {"a": 2}}', 'older', '{"prefs": {"a": 2, "t": 1}}'),
  ('single values: the newer', '{"title": "b"}', '{"title": "t"}', '{"title": "o"}', 'newer', '{"title": "o"}'),
  ('single values: the older is lost', '{"title": "b"}', '{"title": "t"}', '{"title": "o"}', 'older', '{"title": "t", "lost": ["title"]}'),
  ('an array against no array: the newer', '{"list": [1]}', '{"list": {"k": 1}}', '{"list": [1, 2]}', 'newer', '{"list": [1, 2]}'),
  ('an addition that is there already is not lost', '{"tags": ["a"]}', '{"tags": ["a", "t", "o"]}', '{"tags": ["a", "o"]}', 'newer', '{"tags": ["a", "t", "o"]}'),
  ('each column for itself', '{"title": "b", "tags": ["a"], "n": 1}', '{"title": "t", "tags": ["a", "t"]}', '{"title": "o", "tags": ["a", "o"], "n": 2}', 'older',
    '{"title": "t", "tags": ["a", "t", "o"], "n": 2, "lost": ["title"]}')
) as c (description, before, theirs, ours, age, expected);

select * from finish();
rollback;
