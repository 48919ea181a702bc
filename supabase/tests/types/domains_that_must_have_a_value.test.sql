-- A domain that is not null, with and without a default.
begin;
\ir ../helpers.psql
select plan(9);

create domain public.must_have as text not null check (value <> '');
create domain public.must_count as int not null default 7;
create table public.strict (
  id int primary key, user_id uuid not null default auth.uid(), note text,
  title public.must_have, label public.must_have default 'none', n public.must_count
);
select pg_temp.add_own_table('public.strict');

create function pg_temp.pulled(name text, options jsonb default '{}') returns jsonb
language plpgsql
as $$
declare
  answer jsonb;
begin
  perform set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true),
    set_config('role', 'authenticated', true);
  answer := public.sync_pull('00000000-0000-4000-8000-0000000000d9', null, (jsonb_build_object('tables', array[name]) || options)::json) #> '{changes,0,upsert}';
  perform set_config('role', 'postgres', true);
  return answer;
end
$$;
select is(
  pg_temp.push_one(1, '{"table": "strict", "op": "put", "id": "1", "data": {"title": "t", "label": "l", "n": 1}}') ->> 'status', 'applied',
  'a row with all of its values is stored'
);
select is(
  pg_temp.push_one(1, '{"table": "strict", "op": "put", "id": "2", "data": {"title": "t"}}') ->> 'status', 'applied',
  'what has a default may be left out'
);
select is((select row(title, label, n)::text from public.strict where id = 2), '(t,none,7)', 'and gets it');
select is(
  pg_temp.push_one(1, '{"table": "strict", "op": "put", "id": "3", "data": {"note": "no title"}}') #>> '{error,code}', 'constraint',
  'what has none may not'
);
select is(
  pg_temp.push_one(1, '{"table": "strict", "op": "patch", "id": "1", "base": 1, "data": {"title": null}}') #>> '{error,code}', 'constraint',
  'nor be taken away'
);
select is(
  pg_temp.push_one(1, '{"table": "strict", "op": "patch", "id": "1", "base": 1, "data": {"title": ""}}') #>> '{error,code}', 'constraint',
  'the domain''s check holds'
);
select is(
  pg_temp.push_one(1, '{"table": "strict", "op": "patch", "id": "1", "base": 1, "data": {"note": "edited"}}') ->> 'status', 'applied',
  'an edit of another column is applied'
);
select is(
  pg_temp.push_one(2, '{"table": "strict", "op": "patch", "id": "1", "base": 1, "data": {"title": "merged"}}') ->> 'status', 'merged',
  'and one that is merged'
);
select is(
  pg_temp.push_one(1, '{"table": "strict", "op": "delete", "id": "1", "base": 3}') ->> 'status', 'applied', 'and a delete'
);

select * from finish();
rollback;
