-- A column may be added, dropped, renamed or retyped later, by a plain migration: no call is needed.
begin;
\ir ../helpers.psql
select plan(23);

create table public.changing (
  id uuid primary key, user_id uuid not null default auth.uid(), name text, phone text, visits int, tags text[]
);
select pg_temp.add_own_table('public.changing', 'last_write_wins', '{"visits": "sum", "tags": "union"}');

create function pg_temp.patch(device int, base int, data text, old text default null) returns jsonb
language sql
as $$
  select pg_temp.push_one(device, jsonb_strip_nulls(jsonb_build_object('table', 'changing', 'op', 'patch',
    'id', '00000000-0000-4000-8000-000000000001', 'base', base, 'data', data::jsonb, 'old', old::jsonb)))
$$;

select pg_temp.push_one(0, '{"table": "changing", "op": "put", "id": "00000000-0000-4000-8000-000000000001",
  "data": {"name": "b", "phone": "b", "visits": 1, "tags": ["b"]}}');
select pg_temp.patch(1, 1, '{"phone": "t"}');

-- Added.
alter table public.changing add column email text, add column stars int not null default 3;
select is(pg_temp.patch(0, 2, '{"email": "e"}') ->> 'status', 'applied', 'a new column is written at once');
select is(pg_temp.download('changing') #>> '{0,email}', 'e', 'and read');
select is(pg_temp.download('changing') #>> '{0,stars}', '3', 'with its default');
select is(
  (select columns from tidemark.sync_changes where row_id = '00000000-0000-4000-8000-000000000001' and version = 3), array['email'],
  'the log names it'
);
select is(
  pg_temp.push_one(0, '{"table": "changing", "op": "put", "id": "00000000-0000-4000-8000-000000000002", "data": {"name": "old app"}}') #>> '{row,stars}',
  '3', 'an app that does not know it gets its default back'
);

-- Dropped.
alter table public.changing drop column phone;
select is(pg_temp.patch(0, 3, '{"phone": "p", "name": "n"}') #>> '{error,code}', 'unknown_column', 'an edit of a dropped column is rejected');
select is(pg_temp.patch(2, 1, '{"name": "m"}') ->> 'status', 'merged', 'an edit on a version from before the drop is merged');
select ok(not (pg_temp.download('changing') -> 0) ? 'phone', 'it is no longer sent');
alter table public.changing drop column stars, add column stars text;
select is(pg_temp.patch(0, 4, '{"stars": "many"}') ->> 'status', 'applied', 'a column that comes back with another type is a new one');

-- Renamed.
alter table public.changing rename column email to mail;
select is(pg_temp.patch(0, 5, '{"mail": "m"}') ->> 'status', 'applied', 'a renamed column is written by its new name');
select is(pg_temp.patch(0, 6, '{"email": "m"}') #>> '{error,code}', 'unknown_column', 'and not by its old one');
select is(pg_temp.download('changing') #>> '{0,mail}', 'm', 'it is sent by its new name');

-- Retyped.
alter table public.changing alter column visits type bigint;
select is(pg_temp.patch(0, 6, '{"visits": 9007199254740993}') ->> 'status', 'applied', 'a column with another type takes its values');
select is((select visits from public.changing where name = 'm'), 9007199254740993, 'to the last digit');

-- With a rule.
select is(pg_temp.patch(1, 7, '{"tags": ["b", "t"]}') ->> 'status', 'applied', 'a column with a rule');
alter table public.changing rename column tags to labels;
select is(
  pg_temp.patch(2, 7, '{"labels": ["b", "o"]}', '{"labels": ["b"]}') #> '{row,labels}', '["b", "t", "o"]'::jsonb,
  'keeps it under a new name'
);
select is((select t.columns ->> 'labels' from tidemark.live_tables t where t.name = 'changing'), 'union', 'the registry knows it by that name');
select is((select t.columns -> 'tags' from tidemark.live_tables t where t.name = 'changing'), null, 'and no longer by the old one');
alter table public.changing drop column labels;
select is(pg_temp.patch(0, 9, '{"name": "after"}') ->> 'status', 'applied', 'a dropped column takes its rule along');
select is(pg_temp.patch(1, 7, '{"name": "older", "visits": 7}', '{"visits": 5}') ->> 'status', 'merged', 'the other rules go on');
select lives_ok(
  $$ select tidemark.add_table('public.changing', 'user:user_id', 'merge', '{"visits": "max"}') $$, 'the settings can be changed then'
);
alter table public.changing add column tags text[];
select is((select t.columns -> 'tags' from tidemark.live_tables t where t.name = 'changing'), null, 'a new column of the old name has no rule');
select is(jsonb_array_length(pg_temp.download('changing')), 2, 'all rows are still there');

select * from finish();
rollback;
