-- NO ACTION looks at what is left when all cascades have ended, as in plain Postgres: rows that go in the same
-- statement do not hold each other back, and a tombstone holds nothing, not even what is erased for good.
begin;
\ir ../helpers.psql
select plan(20);

-- How often each row was logged as deleted.
create function pg_temp.logged(pattern text) returns text language sql as $$
  select string_agg(d.name || ' ' || d.row_id || ' ' || d.n, ', ' order by d.name, d.row_id) from (
    select t.name, c.row_id, count(*) as n from tidemark.sync_changes c join tidemark.sync_tables t using (table_no)
    where c.op = 'delete' and t.name like pattern group by 1, 2) d
$$;

-- Both point at a user in a table that does not sync, and one at the other.
create table public.gone_users (id int primary key);
create table public.gone_projects (id int primary key, owner int references public.gone_users on delete cascade);
create table public.gone_tasks (id int primary key, owner int references public.gone_users on delete cascade, project int references public.gone_projects);
select pg_temp.add_public_table('public.gone_projects', 'public.gone_tasks');
insert into public.gone_users values (1), (2), (3);
insert into public.gone_projects values (1, 1), (2, 2), (3, 3);
insert into public.gone_tasks values (11, 1, 1), (12, 1, 1), (13, 2, 2), (14, 3, 2);
select lives_ok($$delete from public.gone_users where id = 1$$, 'a user goes, with projects and the tasks in them');
select results_eq($$select id from public.gone_projects$$, array[2, 3], 'projects are gone for good');
select results_eq($$select id from public.gone_tasks$$, array[13, 14], 'and so are the tasks');
select is(pg_temp.logged('gone\_%'), 'gone_projects 1 1, gone_tasks 11 1, gone_tasks 12 1', 'each is logged as deleted, once');
select throws_ok($$delete from public.gone_users where id = 2$$, '23503', null, 'a task of another user blocks the delete of the project, and of its owner');
delete from public.gone_tasks where id = 14;
select lives_ok($$delete from public.gone_users where id = 2$$, 'as a tombstone it blocks neither');
select results_eq($$select id from public.gone_tasks$$, '{}'::int[], 'and goes with the project: it would point at nothing');

-- A tombstone that points at a tombstone that points at what is erased, by keys that refuse.
create table public.far_lists (id int primary key, owner int references public.gone_users on delete cascade);
create table public.far_items (id int primary key, list int references public.far_lists on delete restrict);
create table public.far_notes (id int primary key, item int references public.far_items);
select pg_temp.add_public_table('public.far_lists', 'public.far_items', 'public.far_notes');
insert into public.far_lists values (1, 3);
insert into public.far_items values (1, 1), (2, null);
insert into public.far_notes values (1, 1), (2, 2);
select throws_ok($$delete from public.gone_users where id = 3$$, '23503', null, 'living rows hold by RESTRICT');
delete from public.far_notes where id = 1;
delete from public.far_items where id = 1;
select lives_ok($$delete from public.gone_users where id = 3$$, 'tombstones do not');
select is_empty($$select id from public.far_lists$$, 'the list is gone');
select is_empty($$select id from public.gone_projects$$, 'and so is what hung on the same user in another table');
select is((select concat(count(*), (select count(*) from public.far_notes)) from public.far_items), '11', 'with the tombstones on the way, and nothing else');

-- One cascade comes to a parent before another comes to the child that holds it.
create table public.both_top (id int primary key);
create table public.both_a (id int primary key, top int, constraint a_first foreign key (top) references public.both_top on delete cascade);
create table public.both_b (id int primary key, top int, a int references public.both_a, constraint b_second foreign key (top) references public.both_top on delete cascade);
select pg_temp.add_public_table('public.both_top', 'public.both_a', 'public.both_b');
insert into public.both_top values (1), (2);
insert into public.both_a values (1, 1), (2, 2);
insert into public.both_b values (1, 1, 1), (2, null, 2);
select lives_ok($$delete from public.both_top where id = 1$$, 'a child that another cascade takes does not block the delete');
select is(concat_ws('/', pg_temp.living('both_top'), pg_temp.living('both_a'), pg_temp.living('both_b')), '2/2/2', 'all of it goes');
select is(pg_temp.logged('both\_%'), 'both_a 1 1, both_b 1 1, both_top 1 1', 'once');
select throws_ok($$delete from public.both_top where id = 2$$, '23503', null, 'one that no cascade takes does');
select is(concat_ws('/', pg_temp.living('both_top'), pg_temp.living('both_a'), pg_temp.living('both_b')), '2/2/2', 'and nothing goes');

-- A statement inside of another: it takes its own rows at once, and leaves those of the outer one alone.
create table public.in_rows (id int primary key, up int references public.in_rows);
create table public.in_others (id int primary key);
select pg_temp.add_public_table('public.in_rows', 'public.in_others');
create function public.in_tidy() returns trigger language plpgsql as $$
begin
  delete from public.in_others o where o.id = old.id;
  if exists (select from public.in_others o where o.id = old.id and o.deleted_at is null) then
    raise exception 'not deleted yet';
  end if;
  return old;
end
$$;
create trigger a_tidy before delete on public.in_rows for each row execute function public.in_tidy();
insert into public.in_rows values (1, null), (2, 1), (3, 2);
insert into public.in_others select n from generate_series(1, 3) n;
select lives_ok($$delete from public.in_rows$$, 'a delete inside of a delete');
select is(concat_ws('/', pg_temp.living('in_rows'), pg_temp.living('in_others')), 'none/none', 'both are done');
select is_empty($$select from tidemark.deleting$$, 'nothing is left in the scratch table');

select * from finish();
rollback;
