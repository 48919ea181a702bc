-- A row that a device's own delete changed by a cascade is sent back with the device's next edit of it.
begin;
\ir ../helpers.psql
select plan(4);

create table public.own_docs (id uuid primary key, user_id uuid not null default auth.uid());
create table public.own_cards (
  id uuid primary key, user_id uuid not null default auth.uid(),
  doc_id uuid references public.own_docs on delete set null, note text);
select pg_temp.add_own_table('public.own_docs'), pg_temp.add_own_table('public.own_cards');
insert into public.own_docs values
  ('00000000-0000-4000-8000-000000000001', pg_temp.user_id('a')),
  ('00000000-0000-4000-8000-000000000002', pg_temp.user_id('a'));
insert into public.own_cards values
  ('00000000-0000-4000-8000-000000000011', pg_temp.user_id('a'), '00000000-0000-4000-8000-000000000001'),
  ('00000000-0000-4000-8000-000000000012', pg_temp.user_id('a'), '00000000-0000-4000-8000-000000000001');

select is(pg_temp.push_one(1, '{"table": "own_docs", "op": "delete", "id": "00000000-0000-4000-8000-000000000001", "base": 1, "edited_at": "2026-01-01T00:00:00Z"}') ->> 'status', 'applied', 'a doc is deleted, and its cards lose it');
create temp table answer as
  select pg_temp.push_one(1, '{"table": "own_cards", "op": "patch", "id": "00000000-0000-4000-8000-000000000011", "base": 1, "data": {"note": "x"}, "edited_at": "2026-01-01T00:00:01Z"}') as it;
select is((select it #> '{row,doc_id}' from answer), 'null'::jsonb, 'an edit of such a card brings back what it is now');
select is((select it -> 'lost' from answer), null, 'and loses nothing');
select is(
  pg_temp.push_one(1, '{"table": "own_cards", "op": "patch", "id": "00000000-0000-4000-8000-000000000012", "base": 1, "data": {"doc_id": "00000000-0000-4000-8000-000000000002"}, "old": {"doc_id": "00000000-0000-4000-8000-000000000001"}, "edited_at": "2026-01-01T00:00:01Z"}') -> 'lost',
  null, 'an edit of the very column is not overruled by the device''s own delete'
);

select * from finish();
rollback;
