-- RESTRICT and NO ACTION refuse as in plain Postgres, but do not count rows that are tombstones.
begin;
\ir ../helpers.psql
select plan(9);

create table public.held_parent (id int primary key);
create table public.held_restrict (id int primary key, parent int references public.held_parent on delete restrict);
create table public.held_no_action (id int primary key, parent int references public.held_parent);
create table public.held_unsynced (id int primary key, parent int references public.held_parent);
select pg_temp.add_public_table('public.held_parent', 'public.held_restrict', 'public.held_no_action');
insert into public.held_parent select generate_series(1, 5);
insert into public.held_restrict values (1, 1);
insert into public.held_no_action values (2, 2);
insert into public.held_unsynced values (3, 3);

select throws_ok($$delete from public.held_parent where id = 1$$, '23503', null, 'restrict refuses');
select throws_ok($$delete from public.held_parent where id = 2$$, '23503', null, 'no action refuses');
select throws_ok($$delete from public.held_parent where id = 3$$, '23503', null, 'a child outside of sync holds its parent, too');
select throws_ok($$delete from public.held_parent where id in (2, 4)$$, '23503', null, 'one row that is blocked fails its statement');
select is((select count(*) from public.held_parent where deleted_at is null), 5::bigint, 'and nothing is deleted');
delete from public.held_restrict;
delete from public.held_no_action;
select lives_ok($$delete from public.held_parent where id in (1, 2)$$, 'children that are tombstones do not block the delete of their parent');
delete from public.held_unsynced;
select lives_ok($$delete from public.held_parent where id = 3$$, 'nor do children that are gone');

-- In Postgres NO ACTION looks at the end of the statement: what a cascade takes along does not count.
create table public.diamond_top (id int primary key);
create table public.diamond_side (id int primary key, top int references public.diamond_top on delete cascade);
create table public.diamond_bottom (
  id int primary key, top int references public.diamond_top, side int references public.diamond_side on delete cascade
);
select pg_temp.add_public_table('public.diamond_top', 'public.diamond_side', 'public.diamond_bottom');
insert into public.diamond_top values (1);
insert into public.diamond_side values (1, 1);
insert into public.diamond_bottom values (1, 1, 1);
select lives_ok($$delete from public.diamond_top$$, 'no action looks after the cascades');
select is((select count(*) from public.diamond_bottom where deleted_at is not null), 1::bigint, 'which took the child along');

select * from finish();
rollback;
