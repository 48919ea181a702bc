-- Grants on single columns count in a push as they do in plain SQL: what touches only columns that are granted is done,
-- what touches another is refused by that column's name, and what may not be read is neither shown nor lost.
begin;
\ir ../helpers.psql
select plan(19);

-- Edits as a user who may see and change some columns only: [{op, id: n, …}] in, results out.
create function pg_temp.edit(mutations jsonb) returns jsonb language sql as $$
  select pg_temp.push((
    select json_agg(m || jsonb_build_object('table', 'granted', 'seq', nextval('pg_temp.mutation_seq'), 'id', pg_temp.id((m ->> 'id')::int)) order by n)
    from jsonb_array_elements(mutations) with ordinality as e (m, n)))
$$;

create table public.granted (
  id uuid primary key, user_id uuid not null default auth.uid(), title text, note text, secret text, pin text
);
select pg_temp.add_own_table('public.granted', 'keep_both');
insert into public.granted (id, user_id, title, note, secret, pin)
select pg_temp.id(n), pg_temp.user_id('a'), 'title', 'note', 'secret', 'pin' from generate_series(1, 9) n;
revoke select, insert, update on public.granted from authenticated;
-- secret is neither read nor written, pin is written but not read
grant select (id, user_id, title, note, version, updated_at, deleted_at), insert (id, user_id, title, pin), update (title, pin)
  on public.granted to authenticated;

select is(
  (pg_temp.edit('[{"op": "patch", "id": 1, "base": 1, "data": {"title": "new"}}]') -> 0) - 'seq'::text,
  '{"status": "applied", "version": 2}', 'an edit of a column that is granted is done'
);
select is(
  (select row(title, note, secret, pin)::text from public.granted where id = pg_temp.id(1)), '(new,note,secret,pin)',
  'and leaves those alone that may not be read'
);
select is(
  pg_temp.edit('[{"op": "patch", "id": 2, "base": 1, "data": {"note": "new"}}]') #> '{0,error}',
  '{"code": "forbidden", "message": "column note of \"granted\" is not yours to write", "hint": "Leave it out."}',
  'an edit of another is refused, and the column named'
);
select is(
  pg_temp.edit('[{"op": "patch", "id": 2, "base": 1, "data": {"title": "new", "note": "new", "secret": "new"}}]') #>> '{0,error,message}',
  'columns note, secret of "granted" are not yours to write', 'an edit of both is refused for the others'
);
select is((select row(t.*)::text from (select title, note, secret from public.granted where id = pg_temp.id(2)) t), '(title,note,secret)', 'as a whole');
select is(
  pg_temp.statuses(pg_temp.edit('[{"op": "put", "id": 2, "base": 1, "data": {"user_id": "00000000-0000-4000-8000-00000000000a", "title": "whole", "note": "note"}}]')),
  'applied', 'a row that is sent whole may hold the others as they are'
);
select is((select title from public.granted where id = pg_temp.id(2)), 'whole', 'and is stored');
select is(
  pg_temp.statuses(pg_temp.edit('[
    {"op": "patch", "id": 3, "base": 1, "data": {"title": "three"}},
    {"op": "patch", "id": 4, "base": 1, "data": {"note": "four"}},
    {"op": "patch", "id": 5, "base": 1, "data": {"title": "five"}}]')),
  'applied rejected:forbidden applied', 'one that is refused holds up no other'
);

update public.granted set note = 'by the owner', secret = 'by the owner' where id = pg_temp.id(6);
select is(
  ((pg_temp.edit('[{"op": "patch", "id": 6, "base": 1, "data": {"title": "six"}}]') -> 0) #- '{row,updated_at}') - 'seq'::text,
  '{"status": "merged", "version": 3, "row": {"id": "00000000-0000-4000-8000-000000000006", "user_id": "00000000-0000-4000-8000-00000000000a", "title": "six", "note": "by the owner", "version": 3, "deleted_at": null}}',
  'an edit is merged with another side''s, and the row comes without what may not be read'
);
select is((select secret from public.granted where id = pg_temp.id(6)), 'by the owner', 'which stays');
select is(
  pg_temp.statuses(pg_temp.edit('[{"op": "patch", "id": 6, "base": 1, "data": {"note": "mine"}, "edited_at": "2020-01-01T00:00:00Z"}]')),
  'rejected:forbidden', 'a column that is not granted is refused, whichever side would win'
);

select is(
  pg_temp.statuses(pg_temp.edit('[{"op": "patch", "id": 7, "base": 1, "data": {"pin": "7777"}}]')), 'applied',
  'a column may be written that is not read'
);
select is(
  pg_temp.statuses(pg_temp.edit('[
    {"op": "patch", "id": 7, "base": 2, "data": {"title": "seven"}},
    {"op": "patch", "id": 8, "base": 1, "data": {"pin": "8888"}},
    {"op": "patch", "id": 9, "base": 1, "data": {"pin": null, "title": "nine"}}]')),
  'applied applied applied', 'also next to edits that leave it alone'
);
select is(
  (select string_agg(concat_ws(' ', title, coalesce(pin, 'no pin')), ', ' order by id) from public.granted where id >= pg_temp.id(7)),
  'seven 7777, title 8888, nine no pin', 'each to its row'
);
update public.granted set note = 'again' where id = pg_temp.id(8);
select is(
  pg_temp.statuses(pg_temp.edit('[{"op": "patch", "id": 8, "base": 2, "data": {"pin": null}}]')), 'merged',
  'a value that is not read is never taken for unchanged'
);
select is((select pin from public.granted where id = pg_temp.id(8)), null, 'so it can be emptied, too');

select is(
  pg_temp.edit('[{"op": "put", "id": 10, "data": {"title": "new", "note": "mine"}}]') #>> '{0,error,message}',
  'column note of "granted" is not yours to write', 'a new row is refused for a column that may not be inserted'
);
update public.granted set title = 'theirs' where id = pg_temp.id(5);
grant insert (note) on public.granted to authenticated;
select is(
  pg_temp.statuses(pg_temp.edit('[{"op": "patch", "id": 5, "base": 2, "data": {"title": "ours"}}]')), 'conflict',
  'what is kept as a second row'
);
select is(
  (select row(title, note, secret, pin)::text from public.granted where title = 'ours'), '(ours,note,,)', 'holds what the user may read'
);

select * from finish();
rollback;
