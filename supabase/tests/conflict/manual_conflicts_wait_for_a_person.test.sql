-- manual: the edit waits with both versions, the base, the overlap and an analysis; the row stays as it is.
begin;
\ir ../helpers.psql
select plan(18);

create table public.parked (id uuid primary key, user_id uuid not null default auth.uid(), name text, phone text, tags text[]);
select pg_temp.add_own_table('public.parked', 'manual');

select pg_temp.push_one(0, '{"table": "parked", "op": "put", "id": "00000000-0000-4000-8000-000000000001",
  "data": {"name": "b", "phone": "b", "tags": ["b"]}}');
select pg_temp.push_one(1, jsonb_build_object('table', 'parked', 'op', 'patch', 'id', '00000000-0000-4000-8000-000000000001',
  'base', 1, 'edited_at', now() - interval '10 minutes', 'data', '{"name": "t", "tags": ["b", "t"]}'::jsonb));
create temp table answer as
select pg_temp.push_one(2, jsonb_build_object('table', 'parked', 'op', 'patch', 'id', '00000000-0000-4000-8000-000000000001',
  'base', 1, 'edited_at', now() - interval '4 minutes', 'data', '{"name": "o", "phone": "o", "tags": ["b", "o"]}'::jsonb,
  'old', '{"name": "b", "tags": ["b"]}'::jsonb)) as a;

select is(a ->> 'status', 'conflict', 'an edit that waits is answered conflict') from answer;
select ok((a ->> 'conflict_id')::uuid is not null, 'the answer says where it waits') from answer;
select is(a -> 'lost', null, 'what waits is not lost') from answer;
select is(
  (select row(p.name, p.phone, p.tags)::text from public.parked p),
  row('t', 'o', array['b', 't'])::text,
  'columns that no other device changed are written, the others stay as they are'
);

create temp table listed as
select pg_temp.open_conflicts() as l;
select is(jsonb_array_length(l), 1, 'the conflict is listed') from listed;
select is(l -> 0 ->> 'conflict_id', a ->> 'conflict_id', 'under the id of the answer') from listed, answer;
select is(
  (l -> 0) - '{conflict_id,analysis,server,edited_at,created_at}'::text[],
  '{"table": "parked", "id": "00000000-0000-4000-8000-000000000001", "op": "patch",
    "columns": ["name", "tags"], "client": {"name": "o", "tags": ["b", "o"]}, "base": {"name": "b", "tags": ["b"]},
    "base_version": 1, "server_version": 2}'::jsonb || jsonb_build_object('device_id', pg_temp.device(2)),
  'with the overlapping columns, the device''s values, those before the edit, and both versions'
) from listed;
select is(
  (l #> '{0,server}') - '{updated_at}'::text[],
  '{"id": "00000000-0000-4000-8000-000000000001", "user_id": "00000000-0000-4000-8000-00000000000a",
    "name": "t", "phone": "b", "tags": ["b", "t"], "version": 2, "deleted_at": null}'::jsonb,
  'and the row that the edit met'
) from listed;
select is((l #>> '{0,edited_at}')::timestamptz, now() - interval '4 minutes', 'and when it was edited') from listed;

-- The analysis.
select is(
  (l #> '{0,analysis,temporal}') - '{client_edited_at,server_edited_at}'::text[],
  '{"newer": "client", "seconds_apart": 360}'::jsonb,
  'the analysis says which side is newer, and by how much'
) from listed;
select is((l #>> '{0,analysis,temporal,server_edited_at}')::timestamptz, now() - interval '10 minutes',
  'the other side''s edit is dated when it was made') from listed;
select is(
  l #> '{0,analysis,structural}',
  '{"columns": ["name", "tags"], "kinds": {"name": "string", "tags": "array"}, "deletes": false}'::jsonb,
  'the analysis says what kinds of values collide'
) from listed;
select is(
  l #> '{0,analysis,user}',
  jsonb_build_object('same_user', true, 'client_user', pg_temp.user_id('a'), 'client_device', pg_temp.device(2),
    'server_user', pg_temp.user_id('a'), 'server_device', pg_temp.device(1)),
  'the analysis says who and which device is on either side'
) from listed;
select is(l #> '{0,analysis,suggested}', '{"take": "client"}'::jsonb, 'single values cannot be combined: the newer side is suggested')
from listed;
select ok((l #>> '{0,analysis,confidence}')::numeric between 0 and 1, 'the confidence is between 0 and 1') from listed;

-- Values that can be combined.
select pg_temp.push_one(1, '{"table": "parked", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 3, "data": {"tags": ["b", "t", "u"]}}');
create temp table combined as
select pg_temp.push_one(2, '{"table": "parked", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 3,
  "data": {"tags": ["t", "o"]}, "old": {"tags": ["b", "t"]}}') as a;
select is(
  (select k.analysis -> 'suggested' from tidemark.sync_conflicts k, combined where k.conflict_id = (a ->> 'conflict_id')::uuid),
  '{"row": {"tags": ["t", "u", "o"]}}'::jsonb,
  'values that can be combined are suggested combined, with the value before the edit'
);
select is(pg_temp.open_conflicts('b'), '[]'::jsonb, 'another user lists none of it');
select throws_ok(
  $$ select set_config('request.jwt.claims', '', true), public.sync_conflicts() $$,
  'PT401', 'not_signed_in', 'conflicts are not listed without signing in'
);

select * from finish();
rollback;
