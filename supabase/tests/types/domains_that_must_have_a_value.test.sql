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
