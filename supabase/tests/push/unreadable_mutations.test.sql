-- What Postgres cannot hold or read (U+0000, 30 February, a number without end) is one mutation's fault.
begin;
\ir ../helpers.psql
select plan(8);

create table public.unreadable (id uuid primary key, user_id uuid not null default auth.uid(), name text, n numeric, doc jsonb);
select pg_temp.add_own_table('public.unreadable');
-- A mutation between two good ones: what the three are answered.
create function pg_temp.try(mutation text) returns text language sql as $$
  select pg_temp.statuses(pg_temp.push(format(
    '[{"seq":%s,"table":"unreadable","op":"put","id":"%s","data":{"name":"before"},"edited_at":"2026-01-01T00:00:00Z"},
      {"seq":%s,"table":"unreadable",%s},
      {"seq":%s,"table":"unreadable","op":"put","id":"%s","data":{"name":"after"},"edited_at":"2026-01-01T00:00:00Z"}]',
    nextval('pg_temp.mutation_seq'), gen_random_uuid(), nextval('pg_temp.mutation_seq'), mutation, nextval('pg_temp.mutation_seq'), gen_random_uuid())::json))
$$;

select pg_temp.sign_in('a');
select is(
  pg_temp.try('"op":"put","id":"00000000-0000-4000-8000-000000000001","data":{"name":"a\u0000b"},"edited_at":"2026-01-01T00:00:00Z"'),
  'applied rejected:malformed applied', 'U+0000 in a text'
);
select is(
  pg_temp.try('"op":"put","id":"00000000-0000-4000-8000-000000000001","data":{"doc":{"a\u0000":1}},"edited_at":"2026-01-01T00:00:00Z"'),
  'applied rejected:malformed applied', 'U+0000 in a key'
);
select is(
  pg_temp.try('"op":"put","id":"00000000-0000-4000-8000-000000000001","data":{"name":"\ud800"},"edited_at":"2026-01-01T00:00:00Z"'),
  'applied rejected:malformed applied', 'half of a surrogate pair'
);
select is(
  pg_temp.try('"op":"put","id":"\u0000","data":{"name":"x"},"edited_at":"2026-01-01T00:00:00Z"'), 'applied rejected:malformed applied', 'U+0000 in an id'
);
select is(
  pg_temp.try('"op":"put","id":"00000000-0000-4000-8000-000000000001","data":{"n":1e999999},"edited_at":"2026-01-01T00:00:00Z"'),
  'applied rejected:malformed applied', 'a number without end'
);
select is(
  pg_temp.try('"op":"put","id":"00000000-0000-4000-8000-000000000001","data":{},"edited_at":"2026-02-30T00:00:00Z"'),
  'applied rejected:malformed applied', 'an instant that never was'
);
select pg_temp.sign_out();
select results_eq($$select name, count(*) from public.unreadable group by 1 order by 1$$, $$values ('after', 6::bigint), ('before', 6)$$, 'the neighbours are stored');
select pg_temp.sign_in('a');
select is(
  pg_temp.push('[{"data":{"seq":3,"name":"\u0000"},"seq":500,"table":"unreadable","op":"put","id":"00000000-0000-4000-8000-000000000001","edited_at":"2026-01-01T00:00:00Z"}]') #>> '{0,seq}',
  '500', 'the seq is the mutation''s own, wherever it stands'
);

select * from finish();
rollback;
