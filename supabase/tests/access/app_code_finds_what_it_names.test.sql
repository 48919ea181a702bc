-- The app's triggers, policies, defaults and conflict functions find tables, types and functions by the names that they find
-- them by through the API, without a schema and without a search_path of their own, whatever call of Tidemark's meets them.
begin;
\ir ../helpers.psql
select plan(29);

-- One mutation from a device, and what it is answered.
create function pg_temp.answer(op text, id int, base int, data jsonb, device int default 1, table_name text default 'finds') returns text language sql as $$
  select concat_ws(' ', r ->> 'status', r #>> '{error,code}', r #>> '{error,message}')
  from pg_temp.push_one(device, jsonb_build_object('table', table_name, 'op', op, 'id', pg_temp.id(id), 'base', base, 'data', data)) r
$$;

create type public.finds_mood as enum ('sad', 'ok');
create table public.finds_log (n int generated always as identity, what text, path text default current_setting('search_path'), hash text);
create table public.finds_members (user_id uuid, list uuid);
insert into public.finds_members values (pg_temp.user_id('a'), pg_temp.id(100));
set local search_path = public, extensions;
create function finds_note() returns trigger language plpgsql as $$
begin
  insert into finds_log (what, hash) values (concat_ws(' ', tg_name, tg_op, tg_table_name), encode(digest('ok'::finds_mood::text, 'sha1'), 'hex'));
  return case when tg_op = 'DELETE' then old else new end;
end
$$;
create function finds_member(wanted uuid) returns boolean language sql stable security definer as $$
  select exists (select from finds_members m where m.list = wanted and m.user_id = auth.uid())
$$;
create function finds_first_list() returns uuid language sql stable security definer as $$ select list from finds_members order by 1 limit 1 $$;
create function finds_judge(server jsonb, client jsonb, old jsonb, context jsonb) returns jsonb language plpgsql security definer as $$
begin
  insert into finds_log (what) values ('judge ' || (context ->> 'op'));
  return coalesce(client, server);
end
$$;
create table finds_parents (id uuid primary key, user_id uuid not null default auth.uid());
create table finds (
  id uuid primary key, user_id uuid not null default auth.uid(), list uuid not null default finds_first_list(), name text, n int,
  parent uuid references finds_parents on delete cascade
);
create trigger row_before before insert or update or delete on finds for each row execute function finds_note();
create trigger row_after after insert or update on finds for each row execute function finds_note();
create constraint trigger at_the_end after insert on finds deferrable initially deferred for each row execute function finds_note();
create trigger row_before before update on finds_parents for each row execute function finds_note();
-- Called as Postgres's own are, and not meant when those are called.
create function to_jsonb(r finds) returns jsonb language sql as $$ select '{"name": "not asked"}'::jsonb $$;
create function jsonb_populate_record(r finds, j jsonb) returns finds language sql as $$ select r $$;
alter table finds enable row level security;
alter table finds_parents enable row level security;
create policy "of my lists" on finds using (finds_member(list));
create policy "own" on finds_parents using (user_id = auth.uid());
grant select, insert, update, delete on finds, finds_parents to authenticated;
grant insert on finds_log to authenticated;
revoke all on finds_members from authenticated;
select tidemark.add_table('finds', 'user:user_id', 'function:public.finds_judge');
select tidemark.add_table('finds_parents', 'user:user_id');
create function pg_temp.logged() returns text[] language sql security definer as $$
  with read as (delete from public.finds_log returning n, what) select array_agg(what order by n) from read
$$;

-- As through the API's own routes.
select pg_temp.sign_in('a');
set local search_path = public, extensions;
select lives_ok($$insert into finds (id, name) values (pg_temp.id(1), 'sql')$$, 'an insert');
select lives_ok($$update finds set name = 'again'$$, 'and an update find it');
select pg_temp.logged();

-- Push.
select is(pg_temp.answer('put', 2, null, '{"name": "a"}'), 'applied', 'a push of a new row finds it: its default, its policy, its triggers, also one that waits');
select is(pg_temp.logged(), '{row_before INSERT finds,row_after INSERT finds}', 'which ran');
select is(pg_temp.answer('patch', 2, 1, '{"name": "b"}'), 'applied', 'of an edit');
select is(pg_temp.logged(), '{row_before UPDATE finds,row_after UPDATE finds}', 'which ran');
select is(pg_temp.answer('put', 2, 2, '{"name": "b", "n": 1}'), 'applied', 'of a whole row that is there');
select is(pg_temp.answer('patch', 2, 1, '{"name": "c"}', 2), 'merged', 'of an edit that meets another, and what decides between them');
select ok(pg_temp.logged() @> '{judge patch}', 'which ran');
select is(pg_temp.answer('delete', 2, 1, null, 3), 'conflict', 'of a delete that meets an edit, and what decides between them');
select is(pg_temp.logged(), '{judge delete}', 'which ran');
select is(pg_temp.answer('delete', 2, 4, null, 2), 'applied', 'of a delete');
select is(pg_temp.logged(), '{row_before DELETE finds,row_before UPDATE finds,row_after UPDATE finds}', 'which is an update, too');
select is(pg_temp.answer('put', 3, null, '{}', 1, 'finds_parents'), 'applied', 'of a parent');
select is(pg_temp.answer('put', 4, null, jsonb_build_object('parent', pg_temp.id(3))), 'applied', 'with a child');
select pg_temp.logged();
select is(pg_temp.answer('delete', 3, 1, null, 1, 'finds_parents'), 'applied', 'of a delete that takes a child along');
select ok(pg_temp.logged() @> '{row_before UPDATE finds_parents,row_before DELETE finds,row_before UPDATE finds}', 'with the triggers of both');

-- Pull and verification.
select pg_temp.sign_out();
insert into finds (id, user_id, list) select pg_temp.id(n), pg_temp.user_id('a'), pg_temp.id(100) from generate_series(5, 7) n;
select pg_temp.sign_in('a');
set local search_path = public, extensions;
create temp table page as select pg_temp.pull(null, '{"tables": ["finds"], "limit": 2}') as p;
select is(jsonb_array_length(p #> '{changes,0,upsert}'), 2, 'a first page') from page;
select is(p #> '{progress,total}', '4', 'and how much there is') from page;
select pg_temp.sign_out();
select is(jsonb_array_length(pg_temp.pull_news('finds') #> '{changes,0,upsert}'), 4, 'a page of news');
select pg_temp.sign_in('a');
set local search_path = public, extensions;
select is(sync_verify('{finds}') #>> '{0,count}', '4', 'checksums');
select is(sync_verify_range('finds', 'user:00000000-0000-4000-8000-00000000000a') ->> 'count', '4', 'and parts of them');
select is(json_array_length(sync_rows('finds', array[pg_temp.id(5), pg_temp.id(99)]::text[])), 1, 'rows by id');

-- Plain deletes.
select pg_temp.logged();
select lives_ok($$delete from finds where id = pg_temp.id(5)$$, 'a delete by SQL');
select is(pg_temp.logged(), '{row_before DELETE finds,row_before UPDATE finds,row_after UPDATE finds}', 'runs its triggers');
select pg_temp.sign_out();
insert into finds_parents values (pg_temp.id(8), pg_temp.user_id('a'));
update finds set parent = pg_temp.id(8) where id = pg_temp.id(6);
select pg_temp.sign_in('a');
set local search_path = public, extensions;
select lives_ok($$delete from finds_parents where id = pg_temp.id(8)$$, 'and one that takes a child along');

-- What app code sees, and what it does not.
create temp table finds_log (what text, hash text);
create temp table finds_members as select pg_temp.user_id('b') as user_id, pg_temp.id(200) as list;
select is(pg_temp.answer('put', 9, null, '{"name": "a"}'), 'applied', 'a session''s own tables');
select is((select count(*) from pg_temp.finds_log), 0::bigint, 'are not taken for the app''s');
select pg_temp.sign_out();
select is(
  (select path from public.finds_log order by n desc limit 1), 'pg_catalog, public, extensions, pg_temp', 'which come after the schemas of the API'
);

select * from finish();
rollback;
