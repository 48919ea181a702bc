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

create temp sequence seq;
create function pg_temp.push(mutation jsonb, device text default '1') returns jsonb
language plpgsql
as $$
declare
  numbered json := jsonb_build_array(mutation || jsonb_build_object('seq', nextval('pg_temp.seq')));
  answer jsonb;
begin
  perform set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true),
    set_config('role', 'authenticated', true);
  answer := public.sync_push(format('00000000-0000-4000-8000-0000000000d%s', device)::uuid, numbered) -> 'results' -> 0;
  perform set_config('role', 'postgres', true);
  return answer;
end
$$;
create function pg_temp.pull(place jsonb, name text) returns jsonb
language plpgsql
as $$
declare
  answer jsonb;
begin
  perform set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true),
    set_config('role', 'authenticated', true);
  answer := public.sync_pull('00000000-0000-4000-8000-0000000000d9', place::json, json_build_object('tables', array[name]));
  perform set_config('role', 'postgres', true);
  return answer;
end
$$;
-- What is new since before this transaction: its entries are given to one of the past.
create function pg_temp.new_in(name text) returns jsonb
language plpgsql
as $$
declare
  past xid8 := (select (purged_to::text::bigint + 10)::text::xid8 from tidemark.settings);
begin
  update tidemark.sync_changes set xact = past where xact = pg_current_xact_id();
  return pg_temp.pull(jsonb_build_object('epoch', tidemark.epoch(), 'at', now(), 'seen', format('%1$s:%1$s:', past),
    'tables', (select jsonb_agg(table_no) from tidemark.live_tables t where t.name = new_in.name)), name) #> '{changes,0}';
end
$$;

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
  execute format('alter table public.%I enable row level security', name);
  execute format('grant select, insert, update, delete on public.%I to authenticated', name);
  execute format('create policy "own rows" on public.%I to authenticated using (user_id = (select auth.uid()))', name);
  perform tidemark.add_table(format('public.%I', name)::regclass, 'user:user_id');
  said := said || (pg_temp.push(mutation || '{"op": "put", "data": {"note": "put"}}') ->> 'status');
  said := said || (pg_temp.push(mutation || jsonb_build_object('op', 'patch', 'id', k.also, 'base', 1, 'data', '{"note": "patched"}'::jsonb), '2') ->> 'status');
  said := said || (pg_temp.push(mutation || '{"op": "patch", "base": 1, "data": {"note": "merged"}}', '3') ->> 'status');
  page := pg_temp.pull(null, name) #> '{changes,0,upsert}';
  said := said || format('%s %s', jsonb_array_length(page), page #>> '{0,key}' = k.id);
  page := pg_temp.new_in(name) -> 'upsert';
  said := said || format('%s %s', jsonb_array_length(page), page #>> '{0,note}');
  select array_agg(distinct c.row_id) into row_ids from pg_temp.log_of('keyed_') c || k.n;
  said := said || (row_ids = array[k.id])::text;
  said := said || (pg_temp.push(mutation || '{"op": "delete", "base": 3}') ->> 'status');
  page := pg_temp.new_in(name);
  said := said || format('%s %s', jsonb_array_length(page -> 'upsert'), page #>> '{remove,0}' = k.id);
  said := said || (pg_temp.push(mutation || '{"op": "patch", "base": 3, "data": {"note": "late"}}') #>> '{error,code}');
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
select pg_temp.push(jsonb_build_object('table', 'keyed_all', 'op', 'put', 'id', k.id, 'data', jsonb_build_object('note', k.id))) from keys k;
select is((select count(*) from public.keyed_all where key = note), (select count(*) from keys), 'keys stay apart');
select is(
  (select array_agg(u ->> 'key' order by u ->> 'key' collate "C") from jsonb_array_elements(pg_temp.pull(null, 'keyed_all') #> '{changes,0,upsert}') u),
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
    perform set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true),
      set_config('role', 'authenticated', true);
    answer := public.sync_pull('00000000-0000-4000-8000-0000000000d9', place::json, '{"tables": ["keyed_all"], "limit": 1}');
    perform set_config('role', 'postgres', true);
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
  pg_temp.push(jsonb_build_object('table', 'keyed_' || (select n from keys where type = c.type limit 1), 'op', c.op, 'id', c.id, 'base', 1, 'data', '{"note": "x"}'::jsonb))
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
