-- last_write_wins: where two devices changed one column the later edit stays, by the devices' corrected clocks and
-- not by who pushed last. The device that loses is told which columns, and gets the row.
begin;
\ir ../helpers.psql
select plan(11);

create table public.contested (id uuid primary key, user_id uuid not null default auth.uid(), name text, phone text, n numeric);
select pg_temp.add_own_table('public.contested');
insert into public.contested select pg_temp.id(n), pg_temp.user_id('a'), 'a', '1', 1 from generate_series(1, 9) n;
create function pg_temp.edit(n int, seq int, data json, at text, device int, base int default 1) returns jsonb language sql as $$
  select pg_temp.push(json_build_array(json_build_object('seq', seq, 'table', 'contested', 'op', 'patch', 'id', pg_temp.id(n), 'base', base,
    'data', data, 'edited_at', '2026-01-01T' || at || 'Z')), device => device) -> 0
$$;

select pg_temp.sign_in('a');
select pg_temp.edit(1, 1, '{"name":"first"}', '10:00:00', 2);
select is(
  pg_temp.edit(1, 1, '{"name":"second"}', '11:00:00', 1) @> '{"status":"merged","version":3,"row":{"name":"second"}}', true, 'the later edit wins, pushed last'
);
select pg_temp.edit(2, 2, '{"name":"first"}', '10:00:00', 2);
select is(
  pg_temp.edit(2, 2, '{"name":"second"}', '09:00:00', 1) - 'seq' #- '{row,updated_at}',
  '{"status":"conflict","version":2,"lost":["name"],"row":{"id":"00000000-0000-4000-8000-000000000002","user_id":"00000000-0000-4000-8000-00000000000a","name":"first","phone":"1","n":1,"version":2,"deleted_at":null}}',
  'the earlier edit loses, though pushed last, and the answer says which column and what is stored'
);
select is((select version from public.contested where id = pg_temp.id(2)), 2::bigint, 'an edit that loses whole writes nothing');
select pg_temp.edit(3, 3, '{"name":"first","phone":"2"}', '10:00:00', 2);
select is(
  pg_temp.edit(3, 3, '{"name":"second","n":5}', '09:00:00', 1) @> '{"status":"merged","version":3,"lost":["name"],"row":{"name":"first","phone":"2","n":5}}',
  true, 'an edit may lose one column and keep another'
);
select pg_temp.edit(4, 4, '{"name":"same"}', '10:00:00', 2);
select is(
  pg_temp.edit(4, 4, '{"name":"same"}', '09:00:00', 1) ->> 'lost', null, 'two who wrote the same have nothing to lose'
);
select pg_temp.edit(5, 5, '{"n":1.50}', '10:00:00', 2);
select is(
  pg_temp.edit(5, 5, '{"n":1.5}', '09:00:00', 1) ->> 'lost', null, 'also where it is merely written differently'
);
select pg_temp.edit(6, 6, '{"name":"first"}', '10:00:00', 2);
select is(
  pg_temp.edit(6, 6, '{"name":"second"}', '10:00:00', 1) @> '{"status":"merged","row":{"name":"second"}}', true, 'at the same instant the one that arrives last wins'
);
select pg_temp.edit(7, 7, '{"name":"x"}', '10:00:00', 2);
select pg_temp.edit(7, 8, '{"name":"y"}', '12:00:00', 2, 2);
select is(
  pg_temp.edit(7, 7, '{"name":"second"}', '11:00:00', 1) -> 'lost', '["name"]', 'of several edits since the base the latest counts'
);
select pg_temp.sign_out();
update public.contested set name = 'server' where id = pg_temp.id(8);
select pg_temp.sign_in('a');
select is(
  pg_temp.edit(8, 8, '{"name":"second"}', '11:00:00', 1) -> 'lost', '["name"]', 'a change on the server counts by its transaction''s instant'
);
select is(
  pg_temp.push(json_build_array(json_build_object('seq', 9, 'table', 'contested', 'op', 'patch', 'id', pg_temp.id(8), 'base', 1,
    'data', '{"name":"late"}'::json, 'edited_at', now()))) #> '{0}' @> '{"status":"merged","row":{"name":"late"}}', true, 'and loses to a later edit'
);
select pg_temp.sign_out();
select is(
  (select string_agg(c.version::text, ' ' order by c.version) from pg_temp.log_of('contested') c where c.row_id = pg_temp.id(2)::text),
  '1 2', 'a lost edit is not in the log'
);

select * from finish();
rollback;
