-- The closed list of reasons for which one mutation is rejected; each says what to do, none names another's values.
begin;
\ir ../helpers.psql
select plan(35);

create table public.errs_parent (id uuid primary key);
create table public.errs (
  id uuid primary key, user_id uuid not null default auth.uid(), name text not null default 'x', n int constraint n_is_small check (n < 100),
  code text, day date, parent uuid references public.errs_parent, ids int[], constraint code_is_taken_once unique (code)
);
create function public.errs_rule() returns trigger language plpgsql as $$
begin
  if new.name = 'forbidden name' then raise exception 'this name is not allowed' using hint = 'Take another one.'; end if;
  return new;
end
$$;
create trigger rule before insert or update on public.errs for each row execute function public.errs_rule();
alter table public.errs_parent enable row level security;
create policy "read" on public.errs_parent for select using (true);
select tidemark.add_table('public.errs_parent', 'public');
select pg_temp.add_own_table('public.errs');
insert into public.errs (id, user_id, code) values (pg_temp.id(1), pg_temp.user_id('a'), 'mine'), (pg_temp.id(2), pg_temp.user_id('b'), 'secret'), (pg_temp.id(3), pg_temp.user_id('a'), null);
delete from public.errs where id = pg_temp.id(3);
update tidemark.settings set max_mutation_bytes = 2000;

create function pg_temp.answer(mutation jsonb) returns jsonb language sql as $$
  select pg_temp.push_one(1, jsonb_build_object('table', 'errs', 'op', 'put', 'id', pg_temp.id(9), 'data', '{}'::jsonb) || mutation)
$$;
create function pg_temp.code(mutation jsonb, code text, rule text) returns text language sql as $$
  select is(concat_ws(' ', a ->> 'status', a #>> '{error,code}', case when coalesce(a #>> '{error,message}', '') = '' then 'without a message' end),
    'rejected ' || code, rule)
  from pg_temp.answer(mutation) a
$$;

select pg_temp.sign_in('a');
select pg_temp.code('{"table":"errsatz"}', 'unknown_table', 'a table that is not there');
select pg_temp.code('{"table":"sync_devices"}', 'unknown_table', 'one of Tidemark''s own');
select pg_temp.code('{"data":{"nmae":"x"}}', 'unknown_column', 'a column that is not there');
select pg_temp.code('{"data":{"ctid":"(0,1)"}}', 'unknown_column', 'a system column');
select pg_temp.code('{"data":{"n":"five"}}', 'invalid_value', 'a value of another type');
select pg_temp.code('{"data":{"n":99999999999}}', 'invalid_value', 'a value out of range');
select pg_temp.code('{"data":{"day":"2026-02-30"}}', 'invalid_value', 'a day that is none');
select pg_temp.code('{"data":{"ids":[1,"x"]}}', 'invalid_value', 'an array with a wrong element');
select pg_temp.code('{"id":"17"}', 'invalid_value', 'an id of another type');
select pg_temp.code('{"id":"{00000000-0000-4000-8000-000000000001}"}', 'invalid_value', 'an id in another spelling');
select pg_temp.code('{"data":{"n":100}}', 'constraint', 'a check constraint');
select pg_temp.code('{"data":{"name":null}}', 'constraint', 'a column that may not be null');
select pg_temp.code('{"data":{"name":"forbidden name"}}', 'constraint', 'a rule in a trigger of the app');
select pg_temp.code('{"data":{"parent":"00000000-0000-4000-8000-000000000099"}}', 'foreign_key', 'a parent that is not there');
select pg_temp.code('{"data":{"code":"mine"}}', 'unique', 'a value that is taken');
select pg_temp.code('{"data":{"user_id":"00000000-0000-4000-8000-00000000000b"}}', 'forbidden', 'a row for another user');
select pg_temp.code('{"table":"errs_parent"}', 'forbidden', 'a table that may only be read');
select pg_temp.code('{"op":"patch","base":1,"data":{"n":1}}', 'not_found', 'a patch of a row that is not there');
select pg_temp.code('{"op":"patch","base":1,"id":"00000000-0000-4000-8000-000000000003","data":{"n":1}}', 'gone', 'a patch of a row that was deleted');
select pg_temp.code('{"op":"put","base":1,"id":"00000000-0000-4000-8000-000000000003","data":{"n":1}}', 'gone', 'a put of a row that was deleted');
select pg_temp.code(jsonb_build_object('data', jsonb_build_object('name', (select string_agg(md5(n::text), '') from generate_series(1, 100) n))), 'too_large', 'a mutation beyond the limit');
select pg_temp.code('{"op":"upsert"}', 'malformed', 'an operation that is none');
select pg_temp.code('{"op":null}', 'malformed', 'no operation');
select pg_temp.code('{"table":null}', 'malformed', 'no table');
select pg_temp.code('{"id":null}', 'malformed', 'no id');
select pg_temp.code('{"data":null}', 'malformed', 'a put without data');
select pg_temp.code('{"data":[1]}', 'malformed', 'data that is no object');
select pg_temp.code('{"op":"patch","base":"one"}', 'malformed', 'a base that is no version');
select pg_temp.code('{"old":5}', 'malformed', 'old values that are no object');
select pg_temp.code('{"edited_at":"yesterday-ish"}', 'malformed', 'an instant that is none');
select pg_temp.code('{"data":{"id":"00000000-0000-4000-8000-000000000008"}}', 'malformed', 'data for another id');

select is(
  (pg_temp.answer('{"data":{"code":"secret"}}') -> 'error') - 'hint',
  '{"code":"unique","message":"another row already has this code"}', 'a clash with another user''s row names the column, not the row'
);
select is(
  pg_temp.answer('{"data":{"name":"forbidden name"}}') -> 'error',
  '{"code":"constraint","message":"this name is not allowed","hint":"Take another one."}', 'the words of the app''s own rule are passed on'
);
select unalike(
  (pg_temp.answer('{"data":{"n":100,"name":"very private"}}'))::text, '%very private%', 'a failing row is not printed'
);
select pg_temp.sign_out();
select is((select count(*) from public.errs), 3::bigint, 'none of them wrote anything');

select * from finish();
rollback;
