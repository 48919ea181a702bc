-- An edit conflicts with what others changed since the version that the device edited. Where the log does not say what
-- they changed, every column counts as changed.
begin;
\ir ../helpers.psql
select plan(11);

create table public.others (id uuid primary key, user_id uuid not null default auth.uid(), name text, phone text);
select pg_temp.add_own_table('public.others', 'server_wins');

create function pg_temp.new_row() returns jsonb
language plpgsql
as $$
declare
  mutation jsonb := jsonb_build_object('table', 'others', 'id', gen_random_uuid());
begin
  perform pg_temp.push_one(2, mutation || '{"op": "put", "data": {"name": "b", "phone": "b"}}');
  return mutation;
end
$$;
create temp table made as select n, pg_temp.new_row() as m from generate_series(1, 7) n;
create function pg_temp.row_no(n int) returns jsonb language sql as $$ select m from pg_temp.made where made.n = row_no.n $$;

-- The device's own edits, sent one after the other without hearing an answer.
select pg_temp.push_one(2, pg_temp.row_no(1) || '{"op": "patch", "base": 1, "data": {"name": "first"}}');
select is(
  pg_temp.push_one(2, pg_temp.row_no(1) || '{"op": "patch", "base": 1, "data": {"name": "second"}}') - 'seq',
  '{"status": "applied", "version": 3}'::jsonb,
  'a device does not conflict with itself'
);
select is(
  pg_temp.push_one(2, pg_temp.row_no(1) || '{"op": "delete", "base": 1}') - 'seq',
  '{"status": "applied", "version": 4}'::jsonb,
  'nor does its delete with its edits'
);

-- Plain SQL, a backend, the Data API: no device.
update public.others set name = 'sql' where id = (pg_temp.row_no(2) ->> 'id')::uuid;
select is(
  pg_temp.push_one(2, pg_temp.row_no(2) || '{"op": "patch", "base": 1, "data": {"name": "o", "phone": "o"}}') - '{seq,row}'::text[],
  '{"status": "merged", "version": 3, "lost": ["name"]}'::jsonb,
  'a change made by plain SQL counts as that of another device'
);
update public.others set name = 'sql', phone = 'sql' where id = (pg_temp.row_no(3) ->> 'id')::uuid;
update public.others set name = 'b', phone = 'sql' where id = (pg_temp.row_no(3) ->> 'id')::uuid;
select is(
  pg_temp.push_one(2, pg_temp.row_no(3) || '{"op": "patch", "base": 1, "data": {"name": "o"}}') -> 'lost',
  '["name"]'::jsonb,
  'a column that was changed and changed back was still changed'
);

-- An edit of the current version meets no conflict, no matter who wrote that version.
update public.others set name = 'sql' where id = (pg_temp.row_no(4) ->> 'id')::uuid;
select is(
  pg_temp.push_one(2, pg_temp.row_no(4) || '{"op": "patch", "base": 2, "data": {"name": "o"}}') - 'seq',
  '{"status": "applied", "version": 3}'::jsonb,
  'an edit of the current version is plainly applied'
);
select is(
  pg_temp.push_one(2, pg_temp.row_no(4) || '{"op": "patch", "base": 3, "data": {"name": "o"}}') - 'seq',
  '{"status": "applied", "version": 3}'::jsonb,
  'one that changes nothing makes no new version'
);

-- Where the log does not reach back to the base, everything may have changed.
update public.others set phone = 'sql' where id = (pg_temp.row_no(5) ->> 'id')::uuid;
delete from tidemark.sync_changes where row_id = pg_temp.row_no(5) ->> 'id';
select is(
  pg_temp.push_one(2, pg_temp.row_no(5) || '{"op": "patch", "base": 1, "data": {"name": "o"}}') - '{seq,row}'::text[],
  '{"status": "conflict", "version": 2, "lost": ["name"]}'::jsonb,
  'without the log every column counts as changed'
);
update public.others set phone = 'sql' where id = (pg_temp.row_no(6) ->> 'id')::uuid;
update public.others set name = 'sql' where id = (pg_temp.row_no(6) ->> 'id')::uuid;
delete from tidemark.sync_changes where row_id = pg_temp.row_no(6) ->> 'id' and version = 3;
select is(
  pg_temp.push_one(2, pg_temp.row_no(6) || '{"op": "patch", "base": 1, "data": {"name": "o"}}') - '{seq,row}'::text[],
  '{"status": "conflict", "version": 3, "lost": ["name"]}'::jsonb,
  'also where its last entry is missing'
);

-- A base ahead of the row: the device knows a version that is no more.
select is(
  pg_temp.push_one(2, pg_temp.row_no(7) || '{"op": "patch", "base": 9, "data": {"name": "o"}}') - '{seq,row}'::text[],
  '{"status": "conflict", "version": 1, "lost": ["name"]}'::jsonb,
  'a base ahead of the row, as after a restore: every column counts as changed'
);
select is(
  pg_temp.push_one(2, pg_temp.row_no(7) || '{"op": "patch", "base": 9, "data": {"name": "b"}}') - '{seq,row}'::text[],
  '{"status": "merged", "version": 1}'::jsonb,
  'and a value that is there already is no conflict'
);
select is(
  (select count(*) from tidemark.sync_changes c where c.row_id = pg_temp.row_no(7) ->> 'id'),
  1::bigint,
  'neither writes the row'
);

select * from finish();
rollback;
