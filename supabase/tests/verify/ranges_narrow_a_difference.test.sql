-- Where two sums differ, a scope is narrowed by the first digits of md5('<id>') until few rows remain.
begin;
\ir ../helpers.psql
select plan(15);

create table public.ranged (id bigint primary key, user_id uuid not null default auth.uid(), name text);
select pg_temp.add_own_table('public.ranged');
insert into public.ranged (id, user_id) select n, pg_temp.user_id('a') from generate_series(1, 1000) n;
insert into public.ranged (id, user_id) select n, pg_temp.user_id('b') from generate_series(1001, 1010) n;

create function pg_temp.range(prefix text default '', scope text default 'user:00000000-0000-4000-8000-00000000000a') returns jsonb
language sql as $$
  select pg_temp.as_user('a', format('public.sync_verify_range(''ranged'', %L, %L)', scope, prefix))
$$;

create temp table before as select pg_temp.range() as r;
select is((r ->> 'count')::int, 1000, 'a range says how many rows it has') from before;
select is(
  (select array_agg(k order by k) from jsonb_object_keys(r -> 'parts') k),
  (select array_agg(distinct left(md5(id::text), 1) order by left(md5(id::text), 1)) from public.ranged where id <= 1000),
  'many rows come as parts, one a next digit of md5(id)'
) from before;
select is(
  r -> 'parts',
  (
    select jsonb_object_agg(d.digit, jsonb_build_object('count', d.n, 'checksum', d.checksum))
    from (
      select left(md5(id::text), 1) as digit, count(*) as n,
        sum(('0x' || left(md5(id || ':' || version), 8))::bigint::numeric) % (2 ^ 32)::numeric as checksum
      from public.ranged where id <= 1000 group by 1
    ) d
  ),
  'each with its count and checksum, by their definition'
) from before;
select is(
  (select sum((p.value ->> 'checksum')::numeric) % (2 ^ 32)::numeric from before, jsonb_each(r -> 'parts') p),
  (
    select (v ->> 'checksum')::numeric
    from (select pg_temp.sign_in('a')) signed_in, json_array_elements(public.sync_verify(array['ranged'])) v
  ),
  'the parts add up to the scope''s checksum'
);
reset role;

-- One row changes: one part differs, and narrowing finds it.
update public.ranged set name = 'changed' where id = 500;
create temp table after as select pg_temp.range() as r;
select is(
  (select array_agg(a.key) from after, jsonb_each(after.r -> 'parts') a, before where before.r -> 'parts' -> a.key <> a.value),
  array[left(md5('500'), 1)],
  'the part that differs is the changed row''s'
);
select is(
  (select jsonb_object_agg(a.key, a.value -> 'count') from after, jsonb_each(r -> 'parts') a),
  (select jsonb_object_agg(a.key, a.value -> 'count') from before, jsonb_each(r -> 'parts') a),
  'the counts are as before'
);
create temp table few as select pg_temp.range(left(md5('500'), 1)) as r;
select is(
  r -> 'rows',
  (select jsonb_object_agg(id::text, version) from public.ranged where id <= 1000 and left(md5(id::text), 1) = left(md5('500'), 1)),
  'few rows come as they are: id and version'
) from few;
select is((r ->> 'count')::bigint, (select count(*) from jsonb_object_keys(r -> 'rows')), 'and are counted') from few;
select is(r -> 'parts', null, 'without parts') from few;
select is(pg_temp.range(left(md5('500'), 8)), '{"count": 1, "rows": {"500": 2}}'::jsonb, 'the longest prefix narrows to the row');
select is(pg_temp.range('00000000'), '{"count": 0, "rows": {}}'::jsonb, 'a prefix without rows has none');

-- Other people's, nonsense.
select is(
  pg_temp.range('', 'user:00000000-0000-4000-8000-00000000000b'), '{"count": 0, "rows": {}}'::jsonb, 'another user''s scope has no rows'
);
select throws_ok(format('select pg_temp.range(%L)', bad), 'PT400', 'malformed', format('%s is no prefix', quote_nullable(bad)))
from unnest(array['g', '%', '000000000']) as bad;

select * from finish();
rollback;
