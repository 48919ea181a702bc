-- On the wire both are null. A json null that is stored stays one; a null that is sent is no value, and where a
-- column must have one, it is json's.
begin;
\ir ../helpers.psql
select plan(12);

create table public.nulled (id int primary key, user_id uuid not null default auth.uid(), note text, doc jsonb, must jsonb not null default '{}');
select pg_temp.add_own_table('public.nulled');

create function pg_temp.doc(n int) returns text language sql as $$ select coalesce(doc::text, 'SQL null') from public.nulled where id = n $$;
create function pg_temp.must(n int) returns text language sql as $$ select must::text from public.nulled where id = n $$;

insert into public.nulled (id, user_id, doc, must) values (1, pg_temp.user_id('a'), 'null', 'null'), (2, pg_temp.user_id('a'), null, '{"a": null}');

select is(pg_temp.download('nulled') #> '{0,doc}', 'null', 'a json null is pulled as null');
select is(pg_temp.download('nulled') #> '{1,doc}', 'null', 'so is no value');
select is(pg_temp.download('nulled') #> '{1,must}', '{"a": null}', 'a null inside stays inside');

select pg_temp.push_one(1, '{"table": "nulled", "op": "patch", "id": "1", "base": 1, "data": {"note": "edited"}}');
select is(pg_temp.doc(1), 'null', 'an edit of another column leaves a json null');
update public.nulled set note = 'by sql' where id = 1;
select pg_temp.push_one(2, '{"table": "nulled", "op": "patch", "id": "1", "base": 1, "data": {"note": "merged"}}');
select is(pg_temp.doc(1), 'null', 'so does one that is merged');
select is(
  pg_temp.push_one(3, '{"table": "nulled", "op": "patch", "id": "1", "base": 1, "data": {"note": "again", "doc": null}, "old": {"note": null, "doc": null}}') ->> 'status',
  'merged', 'one that sends the whole row along, as it was pulled, is no edit of it'
);
select is(pg_temp.doc(1), 'null', 'and leaves it, too');
select pg_temp.push_one(1, '{"table": "nulled", "op": "patch", "id": "2", "base": 1, "data": {"note": "edited", "doc": null}}');
select is(pg_temp.doc(2), 'SQL null', 'no value stays no value');

-- Where there must be one.
select is(
  pg_temp.push_one(1, '{"table": "nulled", "op": "put", "id": "3", "data": {"doc": null, "must": null}}') ->> 'status', 'applied',
  'a row whose column may not be without a value is put back as it was pulled'
);
select is(pg_temp.must(3), 'null', 'with json''s null');
select is(
  pg_temp.push_one(1, '{"table": "nulled", "op": "patch", "id": "2", "base": 2, "data": {"must": null}}') ->> 'status', 'applied', 'and edited to it'
);
select is(pg_temp.must(2), 'null', 'likewise');

select * from finish();
rollback;
