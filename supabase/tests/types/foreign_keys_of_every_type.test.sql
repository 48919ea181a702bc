-- Foreign keys are followed by their own operators: what citext, ltree or a collation calls equal is equal.
begin;
\ir ../helpers.psql
select plan(15);

create extension if not exists citext with schema extensions;
create extension if not exists ltree with schema extensions;

create table public.ci_tags (id int primary key, code extensions.citext not null unique);
create table public.ci_notes (id int primary key, tag extensions.citext references public.ci_tags (code) on delete cascade);
create table public.ci_held (id int primary key, tag extensions.citext references public.ci_tags (code));
create table public.ci_loose (id int primary key, tag extensions.citext references public.ci_tags (code) on delete set null);
select pg_temp.add_public_table('public.ci_tags', 'public.ci_notes', 'public.ci_held', 'public.ci_loose');
insert into public.ci_tags values (1, 'ABC'), (2, 'Def'), (3, 'GHI');
insert into public.ci_notes values (1, 'abc'), (2, 'def');
insert into public.ci_held values (1, 'ghi');
insert into public.ci_loose values (1, 'aBc');

delete from public.ci_tags where id = 1;
select results_eq($$select id from public.ci_notes where deleted_at is not null$$, array[1], 'a cascade finds what citext calls equal');
select is((select l.tag from public.ci_loose l), null, 'so does set null');
select throws_ok($$delete from public.ci_tags where id = 3$$, '23503', null, 'and no action');
select is(
  pg_temp.statuses(pg_temp.push('[{"seq": 1, "table": "ci_notes", "op": "put", "id": "9", "data": {"tag": "abc"}, "edited_at": "2026-01-01T00:00:00Z"}]')),
  'rejected:foreign_key', 'a new row under a deleted parent is refused, however it spells it'
);
select is(
  pg_temp.statuses(pg_temp.push('[{"seq": 2, "table": "ci_notes", "op": "put", "id": "8", "data": {"tag": "DEF"}, "edited_at": "2026-01-01T00:00:00Z"}]')),
  'applied', 'one under a living parent is not'
);
-- A tombstone that a living row points at, as plain SQL can leave it.
update public.ci_held set tag = 'abc';
update public.ci_tags set deleted_at = now() - interval '11 years' where id = 1;
update public.ci_notes set deleted_at = now() - interval '11 years' where id = 1;
select lives_ok($$select tidemark.purge(interval '10 years')$$, 'a purge goes through');
select ok(exists (select from public.ci_tags where id = 1), 'and keeps a tombstone that is pointed at in another spelling');
select ok(not exists (select from public.ci_notes where id = 1), 'not what nothing points at');

create table public.lt_nodes (id int primary key, path extensions.ltree not null unique, up extensions.ltree references public.lt_nodes (path) on delete cascade);
select pg_temp.add_public_table('public.lt_nodes');
insert into public.lt_nodes values (1, 'a', null), (2, 'a.b', 'a'), (3, 'c', null);
select lives_ok($$delete from public.lt_nodes where id = 1$$, 'a foreign key of a type whose operators are elsewhere is followed');
select results_eq($$select id from public.lt_nodes where deleted_at is null$$, array[3], 'to its rows');
select lives_ok($$select tidemark.purge(interval '0')$$, 'and purged');

create table public.co_parent (id int primary key, code text collate "C" not null unique);
create table public.co_child (id int primary key, code text collate "POSIX" references public.co_parent (code) on delete cascade);
select pg_temp.add_public_table('public.co_parent', 'public.co_child');
insert into public.co_parent values (1, 'a'), (2, 'b');
insert into public.co_child values (1, 'a'), (2, 'b');
select lives_ok($$delete from public.co_parent where id = 1$$, 'columns of two collations are compared in the parent''s');
select results_eq($$select id from public.co_child where deleted_at is null$$, array[2], 'and followed');

-- A parent in partitions: the copies of its foreign key, one a partition, do not call its rows gone.
create table public.pt_parent (id int primary key) partition by range (id);
create table public.pt_parent_1 partition of public.pt_parent for values from (0) to (10);
create table public.pt_parent_2 partition of public.pt_parent for values from (10) to (20);
create table public.pt_child (id int primary key, parent int references public.pt_parent on delete cascade);
select pg_temp.add_public_table('public.pt_child');
insert into public.pt_parent values (1), (11);
insert into public.pt_child values (1, 1), (2, 11);
delete from public.pt_child where id = 1;
select results_eq($$select id from public.pt_child where deleted_at is not null$$, array[1], 'a row whose parent is in a partition becomes a tombstone');
delete from public.pt_parent where id = 11;
select results_eq($$select id from public.pt_child$$, array[1], 'and goes with its parent');

select * from finish();
rollback;
