-- The foreign key of a synced table still finds a parent that was deleted, so plain SQL can put a row under it.
-- Pushes cannot, but the rows that are there can be edited.
begin;
\ir ../helpers.psql
select plan(9);

create table public.bare_parent (id int primary key);
create table public.bare_child (id int primary key, name text, parent int references public.bare_parent, other int references public.bare_parent, defaulted int default 1 references public.bare_parent);
insert into public.bare_parent values (1), (2), (3);
select pg_temp.add_public_table('public.bare_parent', 'public.bare_child');
delete from public.bare_parent where id in (1, 3);
insert into public.bare_child values (11, 'a', 1), (12, 'b', 1), (13, 'c', 2);
update public.bare_child set defaulted = null where id = 13;

-- Mutations of rows of bare_child, each op, id, base and data.
create function pg_temp.push_rows(mutations jsonb) returns text language sql as $$
  select pg_temp.statuses(pg_temp.push((
    select json_agg(jsonb_build_object('seq', nextval('pg_temp.mutation_seq'), 'table', 'bare_child', 'op', m -> 0, 'id', m -> 1, 'base', m -> 2, 'data', m -> 3))
    from jsonb_array_elements(mutations) m)))
$$;

select pg_temp.sign_in('a');
select is(pg_temp.push_rows('[["patch", "11", 1, {"name": "A"}]]'), 'applied', 'a row under a deleted parent can be edited');
select is(
  pg_temp.push_rows('[["patch", "12", 1, {"name": "B"}], ["patch", "13", 2, {"other": 2}]]'), 'applied applied',
  'also beside one whose parents are written'
);
select is(pg_temp.push_rows('[["patch", "12", 2, {"other": 2}]]'), 'applied', 'and with another parent, that is there');
select is(pg_temp.push_rows('[["patch", "13", 3, {"name": "C", "parent": 3}]]'), 'rejected:foreign_key', 'but nothing is moved under one');
select is(
  pg_temp.push_rows('[["patch", "11", 2, {"name": "AA"}], ["patch", "13", 3, {"other": 1}]]'), 'applied rejected:foreign_key',
  'which holds up nothing else'
);
select is(pg_temp.push_rows('[["put", "14", null, {"parent": 1, "defaulted": 2}]]'), 'rejected:foreign_key', 'nor put there');
select is(pg_temp.push_rows('[["put", "14", null, {"parent": 2}]]'), 'rejected:foreign_key', 'not by a default either');
select is(pg_temp.push_rows('[["patch", "11", 3, {"parent": 2, "defaulted": null}]]'), 'applied', 'a row can be moved off');
select is(pg_temp.push_rows('[["delete", "12", 3, null]]'), 'applied', 'and deleted');

select * from finish();
rollback;
