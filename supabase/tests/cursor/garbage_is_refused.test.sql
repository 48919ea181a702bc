-- A cursor is opaque: whatever it holds that sync_pull did not put there is answered malformed, and reads nothing.
begin;
\ir ../helpers.psql
select plan(20);

create table public.garbled (id uuid primary key, user_id uuid not null);
select pg_temp.add_own_table('public.garbled');
select set_config('test.no', (select t.table_no::text from tidemark.sync_tables t where t.name = 'garbled'), true);
insert into public.garbled values (pg_temp.id(1), pg_temp.user_id('a')), (pg_temp.id(2), pg_temp.user_id('a'));
select pg_temp.sign_in('a');
select pg_temp.save('cursor', pg_temp.pull(null, '{"tables":["garbled"],"limit":1}') -> 'cursor');
create function pg_temp.refused(place json, rule text) returns text language sql as $$
  select throws_ok(format('select sync_pull(pg_temp.device(1), %L, ''{"tables":["garbled"]}'')', place), 'PT400', 'malformed', rule)
$$;
create function pg_temp.but(change jsonb) returns json language sql as $$
  select (pg_temp.saved('cursor') || change)::json
$$;

select lives_ok($$select pg_temp.pull(pg_temp.saved('cursor'), '{"tables":["garbled"]}')$$, 'what sync_pull gave out is taken');
select lives_ok($$select sync_pull(pg_temp.device(1), 'null')$$, 'null is no cursor');
select pg_temp.refused('"abc"', 'a text');
select pg_temp.refused('17', 'a number');
select pg_temp.refused('true', 'a boolean');
select pg_temp.refused('[]', 'an array');
select pg_temp.refused('{}', 'an empty object');
select pg_temp.refused('"\u0000"', 'what jsonb cannot hold');
select pg_temp.refused((pg_temp.saved('cursor') - 'seen')::json, 'no snapshot');
select pg_temp.refused((pg_temp.saved('cursor') - 'epoch')::json, 'no epoch');
select pg_temp.refused(pg_temp.but('{"seen":"10:5:"}'), 'a snapshot that is none');
select pg_temp.refused(pg_temp.but('{"seen":{"a":1}}'), 'a snapshot that is an object');
select pg_temp.refused(pg_temp.but('{"window_end":"x"}'), 'a window that ends nowhere');
select pg_temp.refused(pg_temp.but('{"after":["x",1]}'), 'a place that is none');
select pg_temp.refused(pg_temp.but('{"tables":"all"}'), 'tables that are no array');
select pg_temp.refused(pg_temp.but('{"tables":["a"]}'), 'tables that are no numbers');
select pg_temp.refused(pg_temp.but('{"initial_sync":"x"}'), 'a download that is no array');
select pg_temp.refused(pg_temp.but('{"initial_sync":[["x"]]}'), 'a download of no table');
select pg_temp.refused(
  pg_temp.but(jsonb_build_object('initial_sync', jsonb_build_array(jsonb_build_array(current_setting('test.no')::int, pg_temp.user_id('a'), 'no key')))),
  'a download from a key that is none'
);
select pg_temp.refused(pg_temp.but('{"done":"many"}'), 'progress that is no number');

select * from finish();
rollback;
