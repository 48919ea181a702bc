-- A column's rule decides what two sides made of it, whatever the table's policy is; what does not stay is reported.
begin;
\ir ../helpers.psql
select plan(54);

create function public.longer_text(server jsonb, client jsonb, old jsonb) returns jsonb
language sql
as $$ select case when length(client #>> '{}') > length(server #>> '{}') then client else server end $$;
create function public.with_old(server jsonb, client jsonb, old jsonb) returns jsonb
language sql
as $$ select to_jsonb(concat_ws('|', server #>> '{}', client #>> '{}', coalesce(old #>> '{}', 'not sent'))) $$;

-- The table's policy would say the opposite of most rules: what a rule decides is the rule's.
create type public.ruled_stage as enum ('planned', 'begun', 'done', 'archived');
create table public.ruled (
  id uuid primary key default gen_random_uuid(),
  user_id uuid not null default auth.uid(),
  plain text, newest text, client text, server text, longest text, told text,
  tags text[], numbers bigint[], labels jsonb,
  visits int, balance numeric, distance float8,
  high int, low int, latest timestamptz, first_word text, longest_stay interval, stage public.ruled_stage,
  prefs jsonb
);
select pg_temp.add_own_table('public.ruled', 'server_wins', '{
  "newest": "newest", "client": "client", "server": "server",
  "longest": "function:public.longer_text", "told": "function:public.with_old",
  "tags": "union", "numbers": "union", "labels": "union",
  "visits": "sum", "balance": "sum", "distance": "sum",
  "high": "max", "low": "min", "latest": "max", "first_word": "min",
  "longest_stay": "max", "stage": "max",
  "prefs": "deep"
}');

-- One column, three values: before, what device 1 wrote, what device 2 writes without knowing. Says what
-- is stored then, whether the column is lost, and that the row came back where device 2 has another value.
create function pg_temp.decided(column_name text, before jsonb, theirs jsonb, ours jsonb, old jsonb, age text) returns jsonb
language plpgsql
as $$
declare
  row_id uuid := gen_random_uuid();
  answer jsonb := pg_temp.conflict('ruled', row_id::text, jsonb_build_object(column_name, before), jsonb_build_object(column_name, theirs),
    jsonb_build_object(column_name, ours), case when old is not null then jsonb_build_object(column_name, old) end, age);
  stored jsonb := (select to_jsonb(t) from public.ruled t where t.id = row_id);
begin
  return jsonb_strip_nulls(jsonb_build_object('is', stored -> column_name, 'lost', answer -> 'lost'))
    || case when answer #> array['row', column_name] is distinct from stored -> column_name
      then jsonb_build_object('told', answer -> 'row') else '{}' end;
end
$$;

select is(
  pg_temp.decided(c.name, c.before::jsonb, c.theirs::jsonb, c.ours::jsonb, c.old::jsonb, c.age),
  c.expected::jsonb,
  c.description
)
from (values
  ('a column without a rule follows the table''s policy', 'plain', '"b"', '"t"', '"o"', null, 'newer', '{"is": "t", "lost": ["plain"]}'),
  ('newest: the newer edit is stored', 'newest', '"b"', '"t"', '"o"', null, 'newer', '{"is": "o"}'),
  ('newest: the older edit is lost', 'newest', '"b"', '"t"', '"o"', null, 'older', '{"is": "t", "lost": ["newest"]}'),
  ('newest: a newer null is an edit like any other', 'newest', '"b"', '"t"', 'null', null, 'newer', '{}'),
  ('client: the device wins, however old', 'client', '"b"', '"t"', '"o"', null, 'older', '{"is": "o"}'),
  ('server: the device loses, however new', 'server', '"b"', '"t"', '"o"', null, 'newer', '{"is": "t", "lost": ["server"]}'),
  ('equal edits are no conflict', 'server', '"b"', '"same"', '"same"', null, 'newer', '{"is": "same"}'),
  ('a value sent back unchanged is no edit', 'client', '"b"', '"t"', '"b"', '"b"', 'newer', '{"is": "t"}'),

  ('a function decides', 'longest', '"b"', '"short"', '"much longer"', null, 'older', '{"is": "much longer"}'),
  ('a function that keeps the stored value loses the device''s', 'longest', '"b"', '"much longer"', '"short"', null, 'newer', '{"is": "much longer", "lost": ["longest"]}'),
  ('a function is told the value before the edit', 'told', '"b"', '"t"', '"o"', '"b"', 'newer', '{"is": "t|o|b"}'),
  ('a function is told that no value before was sent', 'told', '"b"', '"t"', '"o"', null, 'newer', '{"is": "t|o|not sent"}'),

  ('union: both sides'' additions', 'tags', '["a"]', '["a", "t"]', '["a", "o"]', '["a"]', 'newer', '{"is": ["a", "t", "o"]}'),
  ('union: what the device removed goes', 'tags', '["a", "b"]', '["a", "b", "t"]', '["b"]', '["a", "b"]', 'newer', '{"is": ["b", "t"]}'),
  ('union: what the other side removed stays away', 'tags', '["a", "b"]', '["b"]', '["a", "b", "o"]', '["a", "b"]', 'newer', '{"is": ["b", "o"]}'),
  ('union: both removals count', 'tags', '["a", "b", "c"]', '["b", "c"]', '["a", "b"]', '["a", "b", "c"]', 'newer', '{"is": ["b"]}'),
  ('union: everything removed leaves an empty set', 'tags', '["a", "b"]', '["a"]', '["b"]', '["a", "b"]', 'newer', '{"is": []}'),
  ('union without old: nothing is removed', 'tags', '["a", "b"]', '["a"]', '["b", "o"]', null, 'newer', '{"is": ["a", "b", "o"]}'),
  ('union: a repeated value is one', 'tags', '[]', '["x", "x"]', '["x", "y"]', '[]', 'newer', '{"is": ["x", "y"]}'),
  ('union: null counts as empty', 'tags', null, '["t"]', '["o"]', null, 'older', '{"is": ["t", "o"]}'),
  ('union: the edit''s age does not matter', 'tags', '["a"]', '["a", "t"]', '["a", "o"]', '["a"]', 'older', '{"is": ["a", "t", "o"]}'),
  ('union: numbers beyond 2^53 keep their digits', 'numbers', '[1]', '[1, 9007199254740993]', '[1, 9007199254740995]', '[1]', 'newer', '{"is": [1, 9007199254740993, 9007199254740995]}'),
  ('union: json arrays too', 'labels', '["a"]', '["a", {"k": 1}]', '["a", {"k": 2}]', '["a"]', 'newer', '{"is": ["a", {"k": 1}, {"k": 2}]}'),
  ('union: an element is compared as a whole', 'labels', '[{"k": 1, "l": 1}]', '[{"k": 1, "l": 1}, "t"]', '[{"k": 1}]', '[{"k": 1, "l": 1}]', 'newer', '{"is": ["t", {"k": 1}]}'),
  ('union: an array that holds another is not its element', 'labels', '[["a", "b"]]', '[["a", "b"], ["a"], "t"]', '[["a", "b"]]', '[["a", "b"], "o"]', 'newer', '{"is": [["a", "b"], ["a"], "t"]}'),

  ('sum: the device''s difference is added', 'visits', '10', '15', '12', '10', 'newer', '{"is": 17}'),
  ('sum: the age does not matter', 'visits', '10', '15', '12', '10', 'older', '{"is": 17}'),
  ('sum: a decrease counts', 'visits', '10', '15', '7', '10', 'newer', '{"is": 12}'),
  ('sum: equal edits count twice', 'visits', '10', '15', '15', '10', 'newer', '{"is": 20}'),
  ('sum without old: both are counted from nothing', 'visits', null, '2', '3', null, 'newer', '{"is": 5}'),
  ('sum: digits beyond 2^53 are kept', 'balance', '9007199254740993', '9007199254740993.25', '9007199254740995', '9007199254740993', 'newer', '{"is": 9007199254740995.25}'),
  ('sum: fractions', 'distance', '1.5', '2.5', '1.75', '1.5', 'newer', '{"is": 2.75}'),
  ('sum: null on the other side is nothing', 'visits', '10', 'null', '12', '10', 'newer', '{"is": 12}'),
  ('sum: null on the device''s side is lost', 'visits', '10', '15', 'null', '10', 'newer', '{"is": 15, "lost": ["visits"]}'),

  ('max: the device''s is higher', 'high', '1', '5', '7', null, 'older', '{"is": 7}'),
  ('max: the device''s is lower and lost', 'high', '1', '5', '3', null, 'newer', '{"is": 5, "lost": ["high"]}'),
  ('max: numbers are no text', 'high', '1', '9', '10', null, 'older', '{"is": 10}'),
  ('min: the device''s is lower', 'low', '9', '5', '3', null, 'older', '{"is": 3}'),
  ('min: the device''s is higher and lost', 'low', '9', '5', '7', null, 'newer', '{"is": 5, "lost": ["low"]}'),
  ('max: instants, the later one', 'latest', null, '"2026-01-02T00:00:00+00:00"', '"2026-01-01T00:00:00+00:00"', null, 'newer', '{"is": "2026-01-02T00:00:00+00:00", "lost": ["latest"]}'),
  ('max: instants written in two time zones', 'latest', null, '"2026-01-02T00:00:00+00:00"', '"2026-01-01T23:00:00-05:00"', null, 'older', '{"is": "2026-01-02T04:00:00+00:00"}'),
  ('min: text, the first one', 'first_word', null, '"apple"', '"pear"', null, 'newer', '{"is": "apple", "lost": ["first_word"]}'),

  ('max: durations', 'longest_stay', null, '"9 days"', '"10 days"', null, 'older', '{"is": "10 days"}'),
  ('max: an enum by its own order', 'stage', '"planned"', '"done"', '"begun"', null, 'newer', '{"is": "done", "lost": ["stage"]}'),
  ('max: an enum by its own order, either way', 'stage', '"planned"', '"done"', '"archived"', null, 'older', '{"is": "archived"}'),

  ('deep: keys of both sides', 'prefs', '{"a": 1}', '{"a": 1, "t": 1}', '{"a": 1, "o": 1}', '{"a": 1}', 'newer', '{"is": {"a": 1, "t": 1, "o": 1}}'),
  ('deep: at any depth', 'prefs', '{"x": {"y": {"z": 1}}}', '{"x": {"y": {"z": 1, "t": 1}}}', '{"x": {"y": {"z": 2}}}', '{"x": {"y": {"z": 1}}}', 'older', '{"is": {"x": {"y": {"z": 2, "t": 1}}}}'),
  ('deep: a key that the device removed goes', 'prefs', '{"a": 1, "b": 1}', '{"a": 1, "b": 1, "t": 1}', '{"a": 1}', '{"a": 1, "b": 1}', 'newer', '{"is": {"a": 1, "t": 1}}'),
  ('deep: a key that the other side removed stays away', 'prefs', '{"a": 1, "b": 1}', '{"a": 1}', '{"a": 1, "b": 1, "o": 1}', '{"a": 1, "b": 1}', 'newer', '{"is": {"a": 1, "o": 1}}'),
  ('deep: a leaf that both changed is the newer edit''s', 'prefs', '{"a": 1}', '{"a": 2}', '{"a": 3}', '{"a": 1}', 'newer', '{"is": {"a": 3}}'),
  ('deep: a leaf of the older edit is reported', 'prefs', '{"a": 1}', '{"a": 2}', '{"a": 3, "o": 1}', '{"a": 1}', 'older', '{"is": {"a": 2, "o": 1}, "lost": ["prefs"]}'),
  ('deep: a leaf that only the device changed is its', 'prefs', '{"a": 1, "b": 1}', '{"a": 1, "b": 2}', '{"a": 5, "b": 1}', '{"a": 1, "b": 1}', 'older', '{"is": {"a": 5, "b": 2}}'),
  ('deep without old: keys of both sides', 'prefs', '{"a": 1, "b": 1}', '{"a": 1, "t": 1}', '{"a": 1, "o": 1}', null, 'newer', '{"is": {"a": 1, "t": 1, "o": 1}}'),
  ('deep: a list is one value', 'prefs', '{"l": [1]}', '{"l": [1, 2]}', '{"l": [1, 3]}', '{"l": [1]}', 'newer', '{"is": {"l": [1, 3]}}')
) as c (description, name, before, theirs, ours, old, age, expected);

select * from finish();
rollback;
