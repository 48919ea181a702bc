-- Policies may show more than the caller's scopes hold. The answer to an edit of such a row has no row: a
-- device would keep it for good, for no pull speaks of it.
begin;
\ir ../helpers.psql
select plan(4);

create table public.wide_members (club text not null, user_id uuid not null, primary key (user_id, club));
create table public.wide_docs (id uuid primary key, club text not null, title text);
select pg_temp.allow_all('public.wide_docs');
select tidemark.add_scope('wideclub', 'public.wide_members', 'club', 'user_id');
select tidemark.add_table('public.wide_docs', 'wideclub:club');
insert into public.wide_members values ('chess', pg_temp.user_id('a'));
insert into public.wide_docs values
  ('00000000-0000-4000-8000-000000000001', 'chess', 'ours'), ('00000000-0000-4000-8000-000000000002', 'go', 'theirs');

create function pg_temp.edit(n int) returns jsonb language sql as $$
  select pg_temp.push_one(1, jsonb_build_object('table', 'wide_docs', 'op', 'patch', 'id', pg_temp.id(n), 'base', null, 'data', '{"title": "mine"}'::json))
$$;
create temp table own as select pg_temp.edit(1) as answer;
create temp table other as select pg_temp.edit(2) as answer;
select is((select answer #>> '{row,title}' from own), 'mine', 'a row of the caller''s own scope comes back');
select is((select answer ->> 'status' from other), 'merged', 'an edit beyond it that the policies allow is done');
select is((select answer -> 'row' from other), null, 'and its row is not sent');
select is((select title from public.wide_docs where club = 'go'), 'mine', 'though it is written');

select * from finish();
rollback;
