-- The user comes from the token and versions from the database, no matter what a push says of them.
begin;
\ir ../helpers.psql
select plan(12);

create table public.forged (id uuid primary key, user_id uuid not null default auth.uid(), note text, amount int);
select pg_temp.add_own_table('public.forged');
insert into public.forged (id, user_id, note) values ('00000000-0000-4000-8000-000000000001', pg_temp.user_id('b'), 'Bob''s');

select is(pg_temp.push('[{"seq": 1, "table": "forged", "op": "put", "id": "00000000-0000-4000-8000-000000000002", "base": null, "data": {"user_id": "00000000-0000-4000-8000-00000000000b"}}]') #>> '{0,error,code}', 'forbidden', 'a row for another user is forbidden');
select is(pg_temp.push('[{"seq": 2, "table": "forged", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1, "data": {"user_id": "00000000-0000-4000-8000-00000000000a"}}]') #>> '{0,error,code}', 'not_found', 'a row of another user is not found by its id');
select is(pg_temp.push('[{"seq": 3, "table": "forged", "op": "patch", "id": "00000000-0000-4000-8000-0000000000ff", "base": 1, "data": {"user_id": "00000000-0000-4000-8000-00000000000a"}}]') #>> '{0,error,code}', 'not_found', 'as a row that does not exist');
select is(pg_temp.push('[{"seq": 4, "table": "forged", "op": "put", "id": "00000000-0000-4000-8000-000000000003", "base": null, "user_id": "00000000-0000-4000-8000-00000000000b",
  "data": {"note": "mine", "version": 99, "updated_at": "1999-01-01T00:00:00Z", "deleted_at": "1999-01-01T00:00:00Z"}, "edited_at": "2999-01-01T00:00:00Z"}]', '{"user_id": "00000000-0000-4000-8000-00000000000b", "role": "service_role"}')
  #>> '{0,status}', 'applied', 'claims beside the data are ignored');
select results_eq(
  $$select user_id::text, version, updated_at = now(), deleted_at is null from public.forged where id = pg_temp.id(3)$$,
  $$values (pg_temp.user_id('a')::text, 1::bigint, true, true)$$, 'and so are stamps'
);
select results_eq(
  $$select c.user_id::text, c.edited_at <= now() from tidemark.sync_changes c where c.row_id = '00000000-0000-4000-8000-000000000003'$$,
  $$values (pg_temp.user_id('a')::text, true)$$, 'the log has the user of the token, and no instant to come'
);

-- No text of a user becomes a setting or a statement.
select is(pg_temp.push(json_build_array(json_build_object('seq', 5, 'table', 'forged', 'op', 'put', 'id', '00000000-0000-4000-8000-000000000004', 'base', null,
  'data', json_build_object('note', hostile)))) #>> '{0,status}', 'applied', 'hostile text is stored')
from (values ($$'); select set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000b"}', true); --$$)) as v (hostile);
select is((select note from public.forged where id = pg_temp.id(4)), $$'); select set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000b"}', true); --$$, 'as it was sent');
select is(pg_temp.push('[{"seq": 6, "table": "forged\"; drop table public.forged; --", "op": "delete", "id": "x", "base": 1}]') #>> '{0,error,code}', 'unknown_table', 'as a table it names none');
select is(pg_temp.push('[{"seq": 7, "table": "forged", "op": "patch", "id": "00000000-0000-4000-8000-000000000003", "base": 1, "data": {"note\" = user_id::text --": "x"}}]') #>> '{0,error,code}', 'unknown_column', 'as a column neither');
select is(pg_temp.push('[{"seq": 8, "table": "forged", "op": "delete", "id": "'' or true --", "base": 1}]') #>> '{0,error,code}', 'invalid_value', 'as an id it is none');
select results_eq(
  $$select note, version from public.forged where id = pg_temp.id(1)$$, $$values ('Bob''s', 1::bigint)$$, 'Bob''s row is as it was'
);

select * from finish();
rollback;
