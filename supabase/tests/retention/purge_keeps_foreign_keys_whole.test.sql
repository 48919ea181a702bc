-- Tombstones are purged children first; one that is still referenced stays, and holds up no other.
begin;
\ir ../helpers.psql
select plan(12);

create table public.p_boxes (id int primary key, name text);
create table public.p_things (id int primary key, box_id int references public.p_boxes, up_id int references public.p_things on delete cascade);
create table public.p_labels (id int primary key, box_id int references public.p_boxes on delete cascade);
create table public.p_hints (id int primary key, box_id int references public.p_boxes on delete set null);
create table public.p_outside (id int primary key, box_id int references public.p_boxes);
select pg_temp.add_public_table('public.p_boxes', 'public.p_things', 'public.p_labels', 'public.p_hints');

-- Makes a tombstone of rows, eleven years ago, whatever still points at them.
create function pg_temp.bury(name text, ids int[]) returns void
language plpgsql
as $$
begin
  execute format('alter table public.%I disable trigger user', name);
  execute format('update public.%I set deleted_at = now() - interval ''11 years'' where id = any ($1)', name) using ids;
  execute format('alter table public.%I enable trigger user', name);
end
$$;

insert into public.p_boxes select n from generate_series(1, 6) n;
insert into public.p_things values (10, 1, null), (11, 1, 10), (12, 1, 11);
insert into public.p_labels values (20, 1), (21, 2), (22, 5);
insert into public.p_hints values (30, 3);
insert into public.p_outside values (40, 4);
-- 1: with all that points at it; 2: a living label still does; 3: a living hint; 4: a row outside of sync; 6: nothing.
select pg_temp.bury('p_things', '{10,11,12}'), pg_temp.bury('p_labels', '{20}'), pg_temp.bury('p_boxes', '{1,2,3,4,6}');

select lives_ok($$ select tidemark.purge(interval '10 years') $$, 'a purge does not fail over what is still referenced');
select is((select count(*) from public.p_things), 0::bigint, 'tombstones that point at each other go');
select is((select array_agg(id order by id) from public.p_labels), array[21, 22], 'a tombstone goes before the one it points at');
select ok(not exists (select from public.p_boxes where id = 1), 'which goes then');
select ok(exists (select from public.p_boxes where id = 4), 'one that a row outside of sync points at stays');
select ok(not exists (select from public.p_boxes where id = 6), 'and holds up no other of its table');
select ok(exists (select from public.p_labels where id = 21 and deleted_at is null), 'a living row is not deleted by a purge');
select is(
  (select count(*) from public.p_labels l where not exists (select from public.p_boxes b where b.id = l.box_id)), 0::bigint,
  'and keeps the row that it points at'
);
select is((select box_id from public.p_hints where id = 30), 3, 'nor is a living row changed by one');
select ok(exists (select from public.p_boxes where id = 5 and deleted_at is null), 'living rows stay');

-- When nothing points at it any more, it goes the next time.
delete from public.p_outside;
select lives_ok($$ select tidemark.purge(interval '10 years') $$, 'the next purge');
select ok(not exists (select from public.p_boxes where id = 4), 'takes what is no longer referenced');

select * from finish();
rollback;
