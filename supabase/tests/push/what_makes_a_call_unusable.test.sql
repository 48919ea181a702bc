-- A list that has no order or no end is refused as a whole, with the path of what is wrong, before anything is written.
begin;
\ir ../helpers.psql
select plan(23);

create table public.unusable (id uuid primary key, user_id uuid not null default auth.uid());
select pg_temp.add_own_table('public.unusable');

create function pg_temp.refused(mutations text, options text, code text, path text, rule text) returns text language sql as $$
  select is(concat_ws(' ', e ->> 'state', e ->> 'message', split_part(e ->> 'detail', ':', 1)), code || ' ' || path, rule)
  from pg_temp.error_of(format('select pg_temp.push(%L, %L)', mutations, options)) e
$$;

select pg_temp.sign_in('a');
select pg_temp.refused('{}', '{}', 'PT400 malformed', 'mutations', 'mutations that are no array');
select pg_temp.refused(null, '{}', 'PT400 malformed', 'mutations', 'no mutations');
select pg_temp.refused('[1]', '{}', 'PT400 malformed', 'mutations[0]', 'a mutation that is no object');
select pg_temp.refused('[{"seq":1,"table":"unusable","op":"delete","id":"00000000-0000-4000-8000-000000000001"},null]', '{}', 'PT400 malformed', 'mutations[1]', 'null for a mutation');
select pg_temp.refused('[{"table":"unusable"}]', '{}', 'PT400 malformed', 'mutations[0].seq', 'no seq');
select pg_temp.refused('[{"seq":0,"table":"unusable"}]', '{}', 'PT400 malformed', 'mutations[0].seq', 'a seq below 1');
select pg_temp.refused('[{"seq":1.5,"table":"unusable"}]', '{}', 'PT400 malformed', 'mutations[0].seq', 'a broken seq');
select pg_temp.refused('[{"seq":99999999999999999999,"table":"unusable"}]', '{}', 'PT400 malformed', 'mutations[0].seq', 'a seq without end');
select pg_temp.refused('[{"seq":2,"table":"unusable"},{"seq":2,"table":"unusable"}]', '{}', 'PT400 malformed', 'mutations[1].seq', 'a seq twice');
select pg_temp.refused('[{"seq":2,"table":"unusable"},{"seq":1,"table":"unusable"}]', '{}', 'PT400 malformed', 'mutations[1].seq', 'a seq that falls');
select pg_temp.refused('[]', '[]', 'PT400 malformed', 'options', 'options that are no object');
select pg_temp.refused('[]', '{"client_time":"noon"}', 'PT400 malformed', 'options.client_time', 'a clock that cannot be read');
select pg_temp.refused('[]', '{"batch":7}', 'PT400 malformed', 'options.batch', 'a batch that is no text');
select pg_temp.refused('[]', '{"unheard_from":"x"}', 'PT400 malformed', 'options.unheard_from', 'an unheard_from that is no seq');
select pg_temp.refused('[]', '{"protocol":"new"}', 'PT400 malformed', 'options.protocol', 'a protocol that is no number');
select throws_ok($$select sync_push(null, '[]')$$, 'PT400', 'malformed', 'no device');
select throws_ok($$select sync_push(pg_temp.device(1), '[]', '{"protocol":99}')$$, 'PT426', 'upgrade_required', 'a protocol from the future');
select throws_ok($$select sync_push(pg_temp.device(1), '[]', '{"protocol":0}')$$, 'PT426', 'upgrade_required', 'or of the past');
select throws_ok($$select sync_pull(pg_temp.device(1), null, '{"protocol":99}')$$, 'PT426', 'upgrade_required', 'for a pull as well');
select throws_ok($$select sync_pull(pg_temp.device(1), null, '[]')$$, 'PT400', 'malformed', 'options of a pull are an object');
select throws_ok($$select sync_pull(null)$$, 'PT400', 'malformed', 'a pull needs a device');
select lives_ok($$select sync_push(pg_temp.device(1), '[]', null)$$, 'no options are none');
select pg_temp.sign_out();
select is((select count(*) from public.unusable), 0::bigint, 'nothing was written');

select * from finish();
rollback;
