-- JSON has no lower bounds: an array is sent as its elements. An array that no edit changes keeps the bounds it has.
begin;
\ir ../helpers.psql
select plan(7);

create table public.bounded (id int primary key, user_id uuid not null default auth.uid(), note text, a int[], b text[]);
select pg_temp.add_own_table('public.bounded');

insert into public.bounded (id, user_id, a, b) values (1, pg_temp.user_id('a'), '[0:2]={1,2,3}', '[-1:0][5:5]={{x},{y}}');

select is(pg_temp.download('bounded') #> '{0,a}', '[1, 2, 3]', 'an array is pulled as its elements');
select is(pg_temp.download('bounded') #> '{0,b}', '[["x"], ["y"]]', 'at any depth');
select pg_temp.push_one(1, '{"table": "bounded", "op": "patch", "id": "1", "base": 1, "data": {"note": "edited"}}');
select is((select row(a, b)::text from public.bounded), '("[0:2]={1,2,3}","[-1:0][5:5]={{x},{y}}")', 'an edit of another column leaves its bounds');
update public.bounded set note = 'by sql';
select pg_temp.push_one(2, '{"table": "bounded", "op": "patch", "id": "1", "base": 1, "data": {"note": "merged"}}');
select is((select row(a, b)::text from public.bounded), '("[0:2]={1,2,3}","[-1:0][5:5]={{x},{y}}")', 'so does one that is merged');
select is(
  pg_temp.push_one(3, '{"table": "bounded", "op": "patch", "id": "1", "base": 2, "data": {"note": "again", "a": [1, 2, 3]}, "old": {"note": "x", "a": [1, 2, 3]}}') ->> 'status',
  'merged', 'one that sends the whole row along, as it was pulled, is no edit of it'
);
select is((select a::text from public.bounded), '[0:2]={1,2,3}', 'and leaves them, too');
select pg_temp.push_one(1, '{"table": "bounded", "op": "patch", "id": "1", "base": 9, "data": {"a": [4]}}');
select is((select a::text from public.bounded), '{4}', 'one that is edited counts from one');

select * from finish();
rollback;
