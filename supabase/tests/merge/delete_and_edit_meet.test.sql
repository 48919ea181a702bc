-- A delete against an edit: the later one wins, and what is deleted stays deleted.
begin;
\ir ../helpers.psql
select plan(13);

create table public.met (id uuid primary key, user_id uuid not null default auth.uid(), name text);
select pg_temp.add_own_table('public.met');
insert into public.met select pg_temp.id(n), pg_temp.user_id('a'), 'a' from generate_series(1, 6) n;
create function pg_temp.act(op text, n int, seq int, at text, device int, base int default 1) returns jsonb language sql as $$
  select pg_temp.push(json_build_array(json_build_object('seq', seq, 'table', 'met', 'op', op, 'id', pg_temp.id(n), 'base', base,
    'data', case op when 'delete' then null else '{"name":"b"}'::json end, 'edited_at', '2026-01-01T' || at || 'Z')), device => device) -> 0
$$;

select pg_temp.sign_in('a');
select pg_temp.act('patch', 1, 1, '10:00:00', 2);
select is(
  pg_temp.act('delete', 1, 1, '09:00:00', 1) - 'seq' #- '{row,updated_at}',
  '{"status":"conflict","version":2,"lost":[],"row":{"id":"00000000-0000-4000-8000-000000000001","user_id":"00000000-0000-4000-8000-00000000000a","name":"b","version":2,"deleted_at":null}}',
  'a delete from before the edit is overruled, and the device gets the row back'
);
select is(
  pg_temp.act('delete', 1, 1, '09:00:00', 1) - 'seq' #- '{row,updated_at}',
  '{"status":"duplicate","version":2,"lost":[],"row":{"id":"00000000-0000-4000-8000-000000000001","user_id":"00000000-0000-4000-8000-00000000000a","name":"b","version":2,"deleted_at":null}}',
  'and is told so again where the answer got lost'
);
select is((select deleted_at from public.met where id = pg_temp.id(1)), null, 'the row stays');
select pg_temp.act('patch', 2, 2, '10:00:00', 2);
select is(pg_temp.act('delete', 2, 2, '11:00:00', 1) - 'seq', '{"status":"applied","version":3}', 'a delete from after the edit is applied');
select pg_temp.act('delete', 3, 3, '10:00:00', 2);
select is(
  pg_temp.act('patch', 3, 3, '09:00:00', 1) #>> '{error,code}', 'gone', 'an edit from before the delete finds the row gone'
);
select is(
  pg_temp.act('patch', 3, 4, '11:00:00', 1) #>> '{error,code}', 'gone', 'one from after it as well: what is deleted stays deleted'
);
select is(pg_temp.act('delete', 3, 5, '11:00:00', 1) ->> 'status', 'applied', 'two may delete the same row');
select is((select version from public.met where id = pg_temp.id(3)), 2::bigint, 'it is deleted once');
select pg_temp.act('patch', 4, 4, '10:00:00', 1, 1);
select pg_temp.act('patch', 4, 6, '12:00:00', 1, 1);
select is(pg_temp.act('delete', 4, 7, '11:00:00', 1) ->> 'status', 'applied', 'a device''s own edits do not stand against its delete');
select pg_temp.sign_out();
update public.met set name = 'server' where id = pg_temp.id(5);
select pg_temp.sign_in('a');
select is(pg_temp.act('delete', 5, 8, '11:00:00', 1) ->> 'status', 'conflict', 'an edit on the server counts by its transaction''s instant');
select is(
  pg_temp.statuses(pg_temp.push(json_build_array(json_build_object('seq', 9, 'table', 'met', 'op', 'delete', 'id', pg_temp.id(5), 'base', 1, 'edited_at', now())))),
  'applied', 'and loses to a later delete'
);
select is(pg_temp.act('delete', 6, 10, '11:00:00', 1, null) ->> 'status', 'conflict', 'without a base a delete knows nothing of the row, not even that it was made');
select pg_temp.act('put', 7, 11, '10:00:00', 1, null);
select is(pg_temp.act('delete', 7, 12, '11:00:00', 1, null) ->> 'status', 'applied', 'unless the device made the row itself');

select * from finish();
rollback;
