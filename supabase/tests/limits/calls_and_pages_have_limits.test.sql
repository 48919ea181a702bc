-- Limits are settings; a call beyond one is refused with the limits in the answer, and nothing is written.
begin;
\ir ../helpers.psql
select plan(15);

create table public.limited (id uuid primary key, user_id uuid not null default auth.uid(), name text);
select pg_temp.add_own_table('public.limited');
update tidemark.settings set max_mutations = 3, max_batch_bytes = 2000, max_mutation_bytes = 500, max_page = 5, default_page = 2;
create function pg_temp.batch(n int, size int) returns json language sql as $$
  select json_agg(json_build_object('seq', i, 'table', 'limited', 'op', 'put', 'id', gen_random_uuid(), 'data', json_build_object('name', repeat('x', size)), 'edited_at', '2026-01-01T00:00:00Z'))
  from generate_series(1, n) i
$$;

-- How the push of so large a batch is refused.
create function pg_temp.refused(mutations json) returns jsonb language sql as $$
  select jsonb_build_object('state', e ->> 'state', 'code', e ->> 'message') || (e ->> 'detail')::jsonb
  from pg_temp.error_of(format('select pg_temp.push(%L)', mutations)) e
$$;

select pg_temp.sign_in('a');
select is(pg_temp.statuses(pg_temp.push(pg_temp.batch(3, 1))), 'applied applied applied', 'a batch at the limit is taken');
select is(
  pg_temp.refused(pg_temp.batch(4, 1)) - 'bytes', '{"state":"PT413","code":"batch_too_large","max_mutations":3,"max_bytes":2000,"mutations":4}',
  'one mutation more is refused, and the limits are told'
);
select is(
  (pg_temp.refused(pg_temp.batch(2, 1000)) ->> 'bytes')::int > 2000, true, 'so is a batch with too many bytes'
);
select is(
  (pg_temp.refused(json_build_array(repeat('x', 3000))) ->> 'code'), 'batch_too_large', 'its size is looked at before its content'
);
select is(
  pg_temp.statuses(pg_temp.push(json_build_array(
    json_build_object('seq', 10, 'table', 'limited', 'op', 'put', 'id', pg_temp.id(1), 'data', json_build_object('name', repeat('x', 600)), 'edited_at', '2026-01-01T00:00:00Z'),
    json_build_object('seq', 11, 'table', 'limited', 'op', 'put', 'id', pg_temp.id(2), 'data', '{}'::json, 'edited_at', '2026-01-01T00:00:00Z')))),
  'rejected:too_large applied', 'a mutation beyond its limit is rejected alone'
);
select is((select count(*) from public.limited), 4::bigint, 'nothing else was written');
select pg_temp.sign_out();
insert into public.limited select gen_random_uuid(), pg_temp.user_id('a'), 'x' from generate_series(1, 4);
select pg_temp.sign_in('a');
select is(jsonb_array_length(pg_temp.download('limited')), 2, 'a page has the size of the settings');
select is(jsonb_array_length(pg_temp.download('limited', options => '{"limit":4}')), 4, 'or the one asked for');
select is(jsonb_array_length(pg_temp.download('limited', options => '{"limit":1000}')), 5, 'up to the largest');
select throws_ok($$select pg_temp.pull(null, '{"limit":0}')$$, 'PT400', 'malformed', 'no page is empty');
select throws_ok($$select pg_temp.pull(null, '{"limit":-5}')$$, 'PT400', 'malformed', 'or negative');
select throws_ok($$select pg_temp.pull(null, '{"limit":"all"}')$$, 'PT400', 'malformed', 'or without end');
select throws_ok($$select pg_temp.pull(null, '{"limit":99999999999999999999}')$$, 'PT400', 'malformed', 'or beyond counting');
select pg_temp.sign_out();
select throws_ok($$update tidemark.settings set max_page = 0$$, '23514', null, 'a limit of nothing cannot be set');
select throws_ok($$insert into tidemark.settings (only_row) values (false)$$, '23514', null, 'there is one row of settings');

select * from finish();
rollback;
