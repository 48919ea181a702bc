-- add_table knows the policies and rules there are, and says so where it is given another one.
begin;
\ir ../helpers.psql
select plan(29);

create table public.choosy (id uuid primary key, user_id uuid not null, name text, tags text[]);
alter table public.choosy enable row level security;
create function public.decide(server jsonb, client jsonb, old jsonb, context jsonb) returns jsonb
language sql as $$ select client $$;
create function public.decide_column(server jsonb, client jsonb, old jsonb) returns jsonb
language sql as $$ select client $$;
create function public."Odd Name"(server jsonb, client jsonb, old jsonb, context jsonb) returns jsonb
language sql as $$ select client $$;

-- Policies.
select lives_ok(
  format('select tidemark.add_table(''public.choosy'', ''user:user_id'', %L)', policy),
  format('%s is a policy', policy)
)
from unnest(array['last_write_wins', 'client_wins', 'server_wins', 'merge', 'keep_both', 'manual',
  'function:public.decide', 'function:public."Odd Name"', 'function:tidemark.notification_resolver',
  'function:tidemark.project_resolver', 'function:tidemark.settings_resolver']) as policy;
select throws_like(
  format('select tidemark.add_table(''public.choosy'', ''user:user_id'', %L)', policy),
  'unknown_conflict_policy: %',
  format('%s is none', coalesce(policy, 'null'))
)
from unnest(array['newest', 'LAST_WRITE_WINS', '', null, 'function:', 'function:public.missing',
  'function:public.decide_column', 'function:decide', 'function:public.decide; drop table public.choosy', 'function:a b c']) as policy;
select throws_ok(
  $$ select tidemark.add_table('public.choosy', 'user:user_id', 'newest') $$,
  'TM008', 'unknown_conflict_policy: "newest" is no conflict policy', 'the refusal has a code'
);

-- Rules.
select lives_ok(
  $$ select tidemark.add_table('public.choosy', 'user:user_id', 'merge', '{"name": "function:public.decide_column", "tags": "union"}') $$,
  'rules name columns and what to do'
);
select throws_ok(
  format('select tidemark.add_table(''public.choosy'', ''user:user_id'', ''merge'', %L)', rules),
  'TM009', null, format('%s are no rules', rules)
)
from unnest(array['{"nickname": "newest"}', '{"name": "last_write_wins"}', '{"name": null}', '{"name": "function:public.decide"}', '[]']) as rules;
select is(
  (select t.columns from tidemark.live_tables t where t.name = 'choosy'),
  '{"name": "function:public.decide_column", "tags": "union"}'::jsonb,
  'what is refused changes nothing'
);

select * from finish();
rollback;
