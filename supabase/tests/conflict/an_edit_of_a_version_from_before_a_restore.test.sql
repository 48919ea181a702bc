-- After a restore a version counts twice. An edit whose old values the row never had was made on the other one:
-- it meets the conflict that it is, and is told.
begin;
\ir ../helpers.psql
select plan(12);

create table public.pasts (
  id uuid primary key, user_id uuid not null default auth.uid(), name text, n int, big bigint, price numeric, at timestamptz, note json);
create function public.trim_name() returns trigger language plpgsql as $$ begin new.name := trim(new.name); return new; end $$;
create trigger trim_name before insert or update on public.pasts for each row execute function public.trim_name();
select pg_temp.add_own_table('public.pasts', 'server_wins', '{"n": "sum"}');

-- Row n: made by device 2, and at version 2 by plain SQL.
create function pg_temp.patch(n int, data jsonb, old jsonb, device int default 2) returns jsonb language sql as $$
  select pg_temp.push_one(device, jsonb_build_object('table', 'pasts', 'op', 'patch', 'id', pg_temp.id(n), 'base', 2, 'data', data, 'old', old)) - '{seq,row}'::text[]
$$;
select pg_temp.push_one(2, jsonb_build_object('table', 'pasts', 'op', 'put', 'id', pg_temp.id(n), 'data', '{"name": "a", "n": 0}'::jsonb))
from generate_series(1, 10) n;
update public.pasts set name = 'sql', n = 1, big = 9007199254740993, price = 1.50, at = '2026-01-31 10:00+00', note = '{"a": 1}';

select is(pg_temp.patch(1, '{"name": "mine"}', '{"name": "sql"}'), '{"status": "applied", "version": 3}'::jsonb,
  'an edit of the row as it is is plainly applied');
select is(pg_temp.patch(2, '{"name": "mine"}', '{"name": "never here"}'), '{"status": "conflict", "version": 2, "lost": ["name"]}'::jsonb,
  'one of a row that has the version and not the content is a conflict');
select is((select name from public.pasts where id = pg_temp.id(2)), 'sql', 'that the policy decides');
select is(pg_temp.patch(3, '{"n": 6}', '{"n": 5}') ->> 'status', 'merged', 'what adds up');
select is((select n from public.pasts where id = pg_temp.id(3)), 2, 'adds what the edit added');
select is(pg_temp.patch(4, '{"name": "mine"}', null), '{"status": "applied", "version": 3}'::jsonb,
  'without old values the version is all there is to go by');
select is(pg_temp.patch(5, '{"name": "mine"}', '{"name": "sql", "gone": 1}'), '{"status": "applied", "version": 3}'::jsonb,
  'a column that there is no more says nothing');
select is(pg_temp.patch(6, '{"big": 1, "price": 2, "at": null, "note": null}',
  '{"big": 9007199254740992, "price": "1.5", "at": "2026-01-31T11:00:00+01:00", "note": {"a":1}}'), '{"status": "applied", "version": 3}'::jsonb,
  'another spelling of the same value, or its rounding by JSON, is the same');
select is(pg_temp.patch(7, '{"n": 3}', '{"n": null}') ->> 'status', 'merged', 'null is a value that a row may never have had');

select pg_temp.push_one(1, jsonb_build_object('table', 'pasts', 'op', 'patch', 'id', pg_temp.id(8), 'base', 2, 'data', '{"name": " mine "}'::jsonb, 'old', '{"name": "sql"}'::jsonb));
select is((select name from public.pasts where id = pg_temp.id(8)), 'mine', 'a trigger writes something else than was sent');
select is(pg_temp.push_one(1, jsonb_build_object('table', 'pasts', 'op', 'patch', 'id', pg_temp.id(8), 'base', 3, 'data', '{"name": "more"}'::jsonb,
  'old', '{"name": " mine "}'::jsonb)) - 'seq', '{"status": "applied", "version": 4}'::jsonb,
  'which is no other past for the device that sent it');
select is(pg_temp.push_one(2, jsonb_build_object('table', 'pasts', 'op', 'patch', 'id', pg_temp.id(8), 'base', 4, 'data', '{"name": "else"}'::jsonb,
  'old', '{"name": " mine "}'::jsonb)) -> 'lost', '["name"]'::jsonb, 'and is one for another device');
select * from finish();
rollback;
