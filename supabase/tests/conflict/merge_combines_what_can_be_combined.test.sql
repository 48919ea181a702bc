-- merge: lists are united, objects merged, single values the newer edit's.
begin;
\ir ../helpers.psql
select plan(8);

create table public.mergers (id uuid primary key, user_id uuid not null default auth.uid(), title text, tags text[], list jsonb, prefs jsonb, n int);
select pg_temp.add_own_table('public.mergers', 'merge');

create function pg_temp.merged(before jsonb, theirs jsonb, ours jsonb, age text) returns jsonb
language plpgsql
as $$
declare
  row_id uuid := gen_random_uuid();
  answer jsonb := pg_temp.conflict('mergers', row_id::text, before, theirs, ours, before, age);
begin
  return (select jsonb_strip_nulls(to_jsonb(t) - '{id,user_id,version,updated_at}'::text[] || jsonb_build_object('lost', answer -> 'lost'))
    from public.mergers t where t.id = row_id);
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
