-- Foreign keys from a table to itself, in a line, in a loop and on the spot.
begin;
\ir ../helpers.psql
select plan(12);

create table public.tree (id int primary key, parent int references public.tree on delete cascade);
create table public.tree_restrict (id int primary key, parent int references public.tree_restrict);
create table public.loop_a (id int primary key, b int);
create table public.loop_b (id int primary key, a int references public.loop_a on delete cascade);
alter table public.loop_a add foreign key (b) references public.loop_b on delete cascade;
select pg_temp.add_public_table('public.tree', 'public.tree_restrict', 'public.loop_a', 'public.loop_b');

insert into public.tree values (1, null), (2, 1), (3, 2), (4, 3), (5, null), (6, 5);
delete from public.tree where id = 1;
select is(pg_temp.living('tree'), '5 6', 'a branch goes with its root, at any depth');
delete from public.tree where id in (5, 6);
select is(pg_temp.living('tree'), 'none', 'a root and its leaf may go in one statement');
select is(
  (select max(n) from (select count(*) as n from pg_temp.log_of('tree') c where c.op = 'delete' group by c.row_id) d),
  1::bigint, 'and each is deleted once'
);
insert into public.tree values (10, 10), (11, 10);
select lives_ok($$delete from public.tree where id = 10$$, 'a row that is its own parent can be deleted');
select is(pg_temp.living('tree'), 'none', 'with its children');
insert into public.tree values (20, null), (21, 20);
update public.tree set parent = 21 where id = 20;
select lives_ok($$delete from public.tree where id = 21$$, 'a ring of rows can be deleted');
select is(pg_temp.living('tree'), 'none', 'all of it');

insert into public.loop_a values (1, null);
insert into public.loop_b values (1, 1);
update public.loop_a set b = 1;
select lives_ok($$delete from public.loop_b$$, 'two tables may point at each other');
select is(pg_temp.living('loop_a') || ' ' || pg_temp.living('loop_b'), 'none none', 'both sides go');

insert into public.tree_restrict values (1, null), (2, 1), (3, 2);
select throws_ok($$delete from public.tree_restrict where id = 1$$, '23503', null, 'without cascade a parent is held by its child');
select lives_ok($$delete from public.tree_restrict$$, 'but not by one that goes in the same statement');
select is(pg_temp.living('tree_restrict'), 'none', 'whatever the order');

select * from finish();
rollback;
