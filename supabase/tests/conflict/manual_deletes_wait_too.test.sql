-- manual: a delete that met an edit waits, and the row stays until a user decides.
begin;
\ir ../helpers.psql
select plan(11);

create table public.unsure (id uuid primary key, user_id uuid not null default auth.uid(), name text, phone text);
select pg_temp.add_own_table('public.unsure', 'manual');

create function pg_temp.gone(n int) returns boolean language sql as $$
  select deleted_at is not null from public.unsure where id = pg_temp.id(n)
$$;

-- Device 1 changed each row, device 2 deleted it without knowing.
create temp table conflicts as
select n, pg_temp.conflict('unsure', pg_temp.id(n)::text, '{"name": "b"}', '{"name": "t"}', null) ->> 'conflict_id' as id from generate_series(1, 4) n;

select is((select count(id) from conflicts), 4::bigint, 'each delete waits');
select ok(not pg_temp.gone(1), 'and the row stays until it is decided');
select is(
  (select row(op, columns, client, base_version, server_version)::text from tidemark.sync_conflicts where conflict_id = (select id::uuid from conflicts where n = 1)),
  row('delete', '{}'::text[], null::jsonb, 1, 2)::text,
  'the conflict says that it is a delete'
);
select is(
  (select analysis -> 'suggested' from tidemark.sync_conflicts where conflict_id = (select id::uuid from conflicts where n = 1)),
  '{"take": "server"}'::jsonb,
  'to keep the row is what is suggested'
);

select is(
  pg_temp.resolve((select id from conflicts where n = 1), '{"take": "client"}') ->> 'status',
  'resolved', 'take client is accepted'
);
select ok(pg_temp.gone(1), 'and deletes the row');
select is(
  pg_temp.resolve((select id from conflicts where n = 2), '{"take": "server"}') ->> 'status',
  'resolved', 'take server is accepted'
);
select ok(not pg_temp.gone(2), 'and keeps the row');
select is(
  pg_temp.resolve((select id from conflicts where n = 3), '{"row": {"name": "kept"}}') #>> '{row,name}',
  'kept', 'row keeps the row with that content'
);

select is(jsonb_array_length(pg_temp.open_conflicts()), 1, 'one is open');
update public.unsure set phone = 'later' where id = pg_temp.id(4);
select is(jsonb_array_length(pg_temp.open_conflicts()), 1, 'a later edit leaves the question open: delete it or not');

select * from finish();
rollback;
