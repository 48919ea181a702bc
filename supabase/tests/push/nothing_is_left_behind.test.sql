-- A push in a transaction that goes on: roles, settings and triggers are as they were before it.
begin;
\ir ../helpers.psql
select plan(7);

create table public.afterwards (id uuid primary key, user_id uuid not null default auth.uid(), name text check (name <> 'poison'));
select pg_temp.add_own_table('public.afterwards');
create function pg_temp.settings() returns text language sql as $$
  select concat_ws('|', current_user, current_setting('search_path'), coalesce(current_setting('tidemark.device', true), ''),
    coalesce(current_setting('tidemark.edited_rows', true), ''), coalesce(current_setting('tidemark.edited_at', true), ''),
    coalesce(current_setting('tidemark.purging', true), ''))
$$;
select pg_temp.sign_in('a');
select set_config('test.before', pg_temp.settings(), true);
select is(
  pg_temp.statuses(pg_temp.push('[
    {"seq":1,"table":"afterwards","op":"put","id":"00000000-0000-4000-8000-000000000001","data":{"name":"a"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":2,"table":"afterwards","op":"put","id":"00000000-0000-4000-8000-000000000002","data":{"name":"poison"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":3,"table":"afterwards","op":"delete","id":"00000000-0000-4000-8000-000000000001","base":1,"edited_at":"2026-01-01T00:00:00Z"}]')),
  'applied rejected:constraint applied', 'a push with a rejection and a delete'
);
select is(pg_temp.settings(), current_setting('test.before'), 'leaves no setting behind');
select throws_ok($$select sync_push(pg_temp.device(1), '[{"seq":"x"}]')$$, 'PT400', null, 'one that is refused');
select is(pg_temp.settings(), current_setting('test.before'), 'leaves none either');
select pg_temp.sign_out();
select is_empty($$select from tidemark.deleting$$, 'nor a row in the scratch table');
delete from public.afterwards where id = pg_temp.id(1);
select is((select count(*) from public.afterwards), 1::bigint, 'and a tombstone is not really deleted afterwards');

-- No user chooses what the log says by settings of a request.
select pg_temp.sign_in('a');
select set_config('request.headers', '{"tidemark.device":"00000000-0000-4000-8000-000000000909"}', true);
insert into public.afterwards values (pg_temp.id(3), pg_temp.user_id('a'), 'x');
select pg_temp.sign_out();
select is(
  (select c.device_id from tidemark.sync_changes c where c.row_id = pg_temp.id(3)::text order by c.id desc limit 1), null, 'a header names no device'
);

select * from finish();
rollback;
