-- What differs is fetched, and nothing else.
begin;
\ir ../helpers.psql
select plan(9);

create table public.fetched (id bigint primary key, user_id uuid not null default auth.uid(), n numeric, hidden boolean not null default false);
alter table public.fetched enable row level security;
grant select, insert, update, delete on public.fetched to authenticated;
create policy "own rows" on public.fetched to authenticated using (user_id = (select auth.uid()) and not hidden);
select tidemark.add_table('public.fetched', 'user:user_id');
insert into public.fetched (id, user_id, n, hidden) values
  (1, pg_temp.user_id('a'), 9007199254740993, false),
  (2, pg_temp.user_id('a'), 2, false),
  (3, pg_temp.user_id('a'), 3, false),
  (4, pg_temp.user_id('a'), 4, true),
  (5, pg_temp.user_id('b'), 5, false);
delete from public.fetched where id = 3;

create function pg_temp.rows(ids text[], options json default '{}') returns jsonb language sql as $$
  select pg_temp.as_user('a', format('public.sync_rows(''fetched'', %L, %L)', ids, options))
$$;

select is(
  (pg_temp.rows('{2}') -> 0) #- '{row,updated_at}',
  '{"scope": "user:00000000-0000-4000-8000-00000000000a",
    "row": {"id": 2, "user_id": "00000000-0000-4000-8000-00000000000a", "n": 2, "hidden": false, "version": 1, "deleted_at": null}}'::jsonb,
  'a row comes with its scope, as a pull sends it'
);
select is(pg_temp.rows('{1}', '{"exact": true}') #> '{0,row,n}', '"9007199254740993"', 'exact: numbers come as text');
select is(jsonb_array_length(pg_temp.rows('{1,2}')), 2, 'several at once');
select is(pg_temp.rows('{3}'), '[]'::jsonb, 'a deleted row is not there');
select is(pg_temp.rows('{4}'), '[]'::jsonb, 'nor is one that a policy hides');
select is(pg_temp.rows('{5}'), '[]'::jsonb, 'nor a row of another user');
select is(pg_temp.rows('{77}'), pg_temp.rows('{5}'), 'which is answered like an id that is free');
select is(pg_temp.rows('{}'), '[]'::jsonb, 'no ids, no rows');
select throws_ok(
  $$ select pg_temp.rows(array(select n::text from generate_series(1, (select max_page + 1 from tidemark.settings)) n)) $$,
  'PT400', 'malformed', 'more ids than a page has rows are refused'
);

select * from finish();
rollback;
