-- The same by trying: what each role is answered.
begin;
\ir ../helpers.psql
select plan(60);

create table public.tried (id uuid primary key, user_id uuid not null default auth.uid(), name text);
select pg_temp.add_own_table('public.tried');
insert into public.tried values (pg_temp.id(1), pg_temp.user_id('a'), 'a');
create temp table calls as
select * from (values
  ('sync_push', $$select sync_push(pg_temp.device(1), '[]')$$),
  ('sync_pull', $$select sync_pull(pg_temp.device(1))$$),
  ('sync_register_device', $$select sync_register_device(pg_temp.device(1))$$),
  ('sync_devices', $$select sync_devices()$$),
  ('sync_revoke_device', $$select sync_revoke_device(pg_temp.device(1))$$),
  ('sync_conflicts', $$select sync_conflicts()$$),
  ('sync_resolve', $$select sync_resolve(pg_temp.id(1), '{"take":"server"}')$$),
  ('sync_verify', $$select sync_verify()$$),
  ('sync_verify_range', $$select sync_verify_range('tried', 'public')$$),
  ('sync_rows', $$select sync_rows('tried', '{}')$$),
  ('sync_new_ids', $$select sync_new_ids('tried', 1)$$),
  ('sync_status', $$select sync_status()$$)
) as c (name, call);
grant select on calls to public;

select is(
  (select count(*) from pg_proc p where p.pronamespace = 'public'::regnamespace and p.proname like 'sync\_%'),
  (select count(*) from calls), 'every function of the API is tried'
);
select set_config('request.jwt.claims', '{"role":"anon"}', true);
set local role anon;
select throws_ok(call, '42501', null, 'anon: ' || name) from calls;
select throws_ok($$select * from tidemark.sync_changes$$, '42501', null, 'anon reads no log');
select throws_ok($$select tidemark.my_scopes()$$, '42501', null, 'anon does not enter the schema');
reset role;
set local role service_role;
select throws_ok(call, '42501', null, 'the service role: ' || name) from calls;
select throws_ok($$select * from tidemark.sync_devices$$, '42501', null, 'the service role reads no devices');
reset role;

-- A publishable key can carry the role without a user.
select set_config('request.jwt.claims', '{"role":"authenticated"}', true);
set local role authenticated;
select throws_ok(call, 'PT401', 'not_signed_in', 'without a user: ' || name) from calls;
reset role;

select pg_temp.sign_in('b');
select throws_ok($$select * from tidemark.sync_changes$$, '42501', null, 'a user reads no log');
select throws_ok($$select * from tidemark.sync_tables$$, '42501', null, 'nor the registry');
select throws_ok($$select * from tidemark.live_tables$$, '42501', null, 'also through a view');
select throws_ok($$delete from tidemark.sync_changes$$, '42501', null, 'nor deletes it');
select throws_ok($$update tidemark.sync_devices set user_id = auth.uid()$$, '42501', null, 'nor takes a device over');
select throws_ok($$insert into tidemark.deleting (table_no, row_id) values (1, 'x')$$, '42501', null, 'nor queues a delete');
select throws_ok($$select nextval('tidemark.sync_changes_id_seq')$$, '42501', null, 'nor spends its numbers');
select throws_ok($$select tidemark.add_table('public.tried', 'public')$$, '42501', null, 'a user adds no table');
select throws_ok($$select tidemark.remove_table('public.tried')$$, '42501', null, 'nor removes one');
select throws_ok($$select tidemark.add_scope('team', 'public.tried', 'id', 'user_id')$$, '42501', null, 'nor declares a scope');
select throws_ok($$select tidemark.purge()$$, '42501', null, 'nor purges');
select throws_ok($$select tidemark.health()$$, '42501', null, 'nor reads how everybody is doing');
select throws_ok($$select tidemark.delete_collected()$$, '42501', null, 'nor calls a trigger');
select is(pg_temp.changes(pg_temp.pull(null, '{"tables":["tried"]}')), '', 'a user pulls nothing of another''s');
select is(
  pg_temp.statuses(pg_temp.push('[
    {"seq":1,"table":"tried","op":"put","id":"00000000-0000-4000-8000-000000000001","data":{"name":"mine"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":2,"table":"tried","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":1,"data":{"name":"mine"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":3,"table":"tried","op":"delete","id":"00000000-0000-4000-8000-000000000001","base":1,"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":4,"table":"tried","op":"put","id":"00000000-0000-4000-8000-000000000002","data":{"user_id":"00000000-0000-4000-8000-00000000000a"},"edited_at":"2026-01-01T00:00:00Z"}]')),
  'rejected:forbidden rejected:not_found applied rejected:forbidden', 'nor overwrites, edits, deletes or plants a row'
);
select pg_temp.sign_out();
select results_eq($$select id, name, deleted_at from public.tried$$, $$values (pg_temp.id(1), 'a', null::timestamptz)$$, 'the row is as it was');
-- The parts of the API that run as their owner, called by themselves.
select set_config('test.no', (select t.table_no::text from tidemark.sync_tables t where t.name = 'tried'), true);
select pg_temp.sign_in('b');
select is_empty(
  $$select * from tidemark.lock_rows(current_setting('test.no')::int, array[pg_temp.id(1)::text])$$, 'no part of the API tells of another''s row'
);
select is_empty(
  $$select * from tidemark.log_page('1:1:', pg_current_snapshot(), '0', 0, array[current_setting('test.no')::int], 100) p where p.entries > 0$$,
  'nor of its changes'
);
select is(tidemark.last_change(current_setting('test.no')::int, pg_temp.id(1)::text, null), null, 'nor of who changed it');
select is(tidemark.my_keys('user'), array[pg_temp.user_id('b')::text], 'a user is in one''s own scope');

select * from finish();
rollback;
