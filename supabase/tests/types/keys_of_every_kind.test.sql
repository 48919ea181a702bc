-- A row is addressed by its key as text: whatever a uuid, text or number key holds finds its row again, in a push, a
-- pull, the log and a delete.
begin;
\ir ../helpers.psql
select plan(66);

create extension if not exists citext with schema extensions;
create domain public.key_code as text check (length(value) < 50);
create temp table keys (n int generated always as identity, type text, id text, also text);
insert into keys (type, id, also) values
  ('uuid', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11', 'A0EEBC99-9C0B-4EF8-BB6D-6BB9BD380A11'),
  ('bigint', '9223372036854775807', '9223372036854775807'), ('bigint', '-1', '-01'), ('bigint', '9007199254740993', '9007199254740993'),
  ('integer', '-2147483648', '-2147483648'), ('smallint', '0', '-0'),
  ('text', '', ''), ('text', ' ', ' '), ('text', 'a b', 'a b'), ('text', 'NULL', 'NULL'), ('text', 'null', 'null'),
  ('text', 'quotes '' " `', 'quotes '' " `'), ('text', 'a,b', 'a,b'), ('text', '{a}', '{a}'), ('text', 'back\slash', 'back\slash'),
  ('text', 'user:x', 'user:x'), ('text', '%s $1 {}', '%s $1 {}'), ('text', E'line\nbreak', E'line\nbreak'), ('text', 'ünï 日本 👩‍👩‍👧', 'ünï 日本 👩‍👩‍👧'),
  ('text', '-- comment', '-- comment'), ('text', repeat('long', 300), repeat('long', 300)), ('varchar(20)', 'trailing  ', 'trailing  '),
  ('public.key_code', 'x"y', 'x"y');

-- One table a type: created by a device, renamed by another that spells the id differently, deleted by a third.
create function pg_temp.life(k keys) returns text
language plpgsql
as $$
declare
  name text := 'keyed_' || k.n;
  mutation jsonb := jsonb_build_object('table', name, 'id', k.id);
  said text[];
  page jsonb;
  row_ids text[];
begin
  execute format('create table public.%I (key %s primary key, user_id uuid not null default auth.uid(), note text)', name, k.type);
  perform pg_temp.add_own_table(format('public.%I', name)::regclass);
  said := said || (pg_temp.push_one(1, mutation || '{"op": "put", "data": {"note": "put"}}') ->> 'status');
  said := said || (pg_temp.push_one(2, mutation || jsonb_build_object('op', 'patch', 'id', k.also, 'base', 1, 'data', '{"note": "patched"}'::jsonb)) ->> 'status');
  said := said || (pg_temp.push_one(3, mutation || '{"op": "patch", "base": 1, "data": {"note": "merged"}}') ->> 'status');
  page := pg_temp.download(name);
  said := said || format('%s %s', jsonb_array_length(page), page #>> '{0,key}' = k.id);
  page := pg_temp.pull_news(name) #> '{changes,0,upsert}';
  said := said || format('%s %s', jsonb_array_length(page), page #>> '{0,note}');
  select array_agg(distinct c.row_id) into row_ids from pg_temp.log_of(name) c;
  said := said || (row_ids = array[k.id])::text;
  said := said || (pg_temp.push_one(1, mutation || '{"op": "delete", "base": 3}') ->> 'status');
  page := pg_temp.pull_news(name) #> '{changes,0}';
  said := said || format('%s %s', jsonb_array_length(page -> 'upsert'), page #>> '{remove,0}' = k.id);
  said := said || (pg_temp.push_one(1, mutation || '{"op": "patch", "base": 3, "data": {"note": "late"}}') #>> '{error,code}');
  return array_to_string(said, ', ');
end
$$;

select is(
  pg_temp.life(k), 'applied, applied, merged, 1 t, 1 merged, true, applied, 0 t, gone',
  format('%s %s lives and dies under its own name', k.type, left(to_json(k.id)::text, 40))
)
from keys k;

-- The same in one table, together: no key is taken for another one.
create table public.keyed_all (key text primary key, user_id uuid not null default auth.uid(), note text);
select pg_temp.add_own_table('public.keyed_all');
select pg_temp.push_one(1, jsonb_build_object('table', 'keyed_all', 'op', 'put', 'id', k.id, 'data', jsonb_build_object('note', k.id))) from keys k;
select is((select count(*) from public.keyed_all where key = note), (select count(*) from keys), 'keys stay apart');
select is(
  (select array_agg(u ->> 'key' order by u ->> 'key' collate "C") from jsonb_array_elements(pg_temp.download('keyed_all')) u),
  (select array_agg(id order by id collate "C") from keys), 'all of them are pulled'
);
create function pg_temp.paged() returns text[]
language plpgsql
as $$
declare
  place jsonb;
  answer jsonb;
  found_keys text[] := '{}';
begin
  loop
    answer := pg_temp.pull(place, '{"tables": ["keyed_all"], "limit": 1}');
    found_keys := found_keys || array(select u ->> 'key' from jsonb_array_elements(answer -> 'changes') c, jsonb_array_elements(c -> 'upsert') u);
    exit when answer -> 'cursor' -> 'initial_sync' is null;
    place := answer -> 'cursor';
  end loop;
  return found_keys;
end
$$;
select is((select array_agg(k order by k collate "C") from unnest(pg_temp.paged()) k), (select array_agg(id order by id collate "C") from keys),
  'also one at a time: each once');

-- Keys that Postgres compares as equal although they are spelled differently cannot be addressed by text.
create function pg_temp.refusal(type text) returns text
language plpgsql
as $$
begin
  execute format('create table public.keyed_refused (key %s primary key, user_id uuid not null)', type);
  alter table public.keyed_refused enable row level security;
  perform tidemark.add_table('public.keyed_refused', 'user:user_id');
  drop table public.keyed_refused;
  return 'accepted';
exception when sqlstate 'TM002' then
  return 'TM002';
end
$$;
select is(pg_temp.refusal(type), 'TM002', format('a key of type %s is refused', type))
from unnest(array['citext', 'boolean', 'jsonb']) type;

-- What is no key is no row.
select is(
  pg_temp.push_one(1, jsonb_build_object('table', 'keyed_' || (select n from keys where type = c.type limit 1), 'op', c.op, 'id', c.id, 'base', 1, 'data', '{"note": "x"}'::jsonb))
    #>> '{error,code}',
  c.code, format('%s of %s %s is %s', c.op, c.type, to_json(c.id), c.code)
)
from (
  select t.type, t.id, o.op, case when t.id is null then 'malformed' else 'invalid_value' end as code
  from (values ('uuid', 'a0eebc99'), ('uuid', ''), ('uuid', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11}'), ('bigint', '9223372036854775808'), ('bigint', '1.0'),
    ('bigint', '1e3'), ('bigint', ''), ('bigint', ' 1'), ('integer', '2147483648'), ('smallint', '32768'), ('uuid', null), ('text', null)) as t (type, id)
  cross join unnest(array['put', 'patch', 'delete']) as o (op)
) c;
select is((select count(*) from tidemark.sync_changes c where c.row_id in ('9223372036854775808', '1.0', '1e3', ' 1')), 0::bigint, 'and writes nothing');

select * from finish();
rollback;
