-- An entry holds facts about a change and no content: scope, table, row, operation, version, changed columns.
begin;
\ir ../helpers.psql
select plan(12);

create table public.facts (id uuid primary key default gen_random_uuid(), user_id uuid not null, name text, secret text);
alter table public.facts enable row level security;
select tidemark.add_table('public.facts', 'user:user_id');
create table public.facts_for_all (id text primary key, n int);
select pg_temp.add_public_table('public.facts_for_all');
create function pg_temp.latest() returns table (scope text, row_id text, op text, version bigint, columns text[]) language sql as $$
  select c.scope, c.row_id, c.op::text, c.version, c.columns from tidemark.sync_changes c order by c.id desc limit 1
$$;

insert into public.facts values ('00000000-0000-4000-8000-000000000001', pg_temp.user_id('a'), 'a', 'word');
select results_eq(
  'select * from pg_temp.latest()',
  $$values ('user:00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-000000000001', 'insert', 1::bigint, null::text[])$$,
  'an insert'
);
update public.facts set name = 'b', secret = 'password';
select results_eq(
  'select * from pg_temp.latest()',
  $$values ('user:00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-000000000001', 'update', 2::bigint, '{name,secret}'::text[])$$,
  'an update names the columns that changed, but for the stamps'
);
update public.facts set name = 'b', secret = null;
select results_eq('select columns from pg_temp.latest()', $$values ('{secret}'::text[])$$, 'a column written with its own value is not among them');
update public.facts set secret = 'again';
select results_eq('select columns from pg_temp.latest()', $$values ('{secret}'::text[])$$, 'from null to a value is a change');
delete from public.facts;
select results_eq(
  'select * from pg_temp.latest()',
  $$values ('user:00000000-0000-4000-8000-00000000000a', '00000000-0000-4000-8000-000000000001', 'delete', 5::bigint, null::text[])$$,
  'a delete'
);
insert into public.facts_for_all values ('a key, "quoted"', 1);
select results_eq('select scope, row_id from pg_temp.latest()', $$values ('public', 'a key, "quoted"')$$, 'a public row is in the scope public');
select is(
  (select c.xact from tidemark.sync_changes c order by c.id desc limit 1), pg_current_xact_id(), 'an entry belongs to its transaction'
);
select is((select c.at from tidemark.sync_changes c order by c.id desc limit 1), now(), 'and to its instant');
select is_empty(
  $$select from tidemark.sync_changes c where to_jsonb(c)::text ~ 'word'$$, 'no content of a row is in the log'
);

savepoint before;
insert into public.facts_for_all values ('b', 1);
rollback to before;
select results_eq('select row_id from pg_temp.latest()', $$values ('a key, "quoted"')$$, 'what was rolled back was never logged');

alter table public.facts_for_all add column late text;
update public.facts_for_all set late = 'x';
select results_eq('select columns from pg_temp.latest()', $$values ('{late}'::text[])$$, 'a column added later is followed at once');
alter table public.facts_for_all drop column n;
update public.facts_for_all set late = 'y';
select results_eq('select columns from pg_temp.latest()', $$values ('{late}'::text[])$$, 'a dropped one is forgotten');

select * from finish();
rollback;
