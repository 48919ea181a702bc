-- Tables that are older than Tidemark: rows, and stamp columns of their own.
begin;
\ir ../helpers.psql
select plan(9);

create table public.seasoned (id int primary key, user_id uuid not null, name text);
alter table public.seasoned enable row level security;
insert into public.seasoned select n, pg_temp.user_id('a'), 'n' || n from generate_series(1, 3) n;
select tidemark.add_table('public.seasoned', 'user:user_id');
select results_eq(
  $$select s.id, s.name, s.version, s.updated_at = now(), s.deleted_at from public.seasoned s order by 1$$,
  $$values (1, 'n1', 1::bigint, true, null::timestamptz), (2, 'n2', 1, true, null), (3, 'n3', 1, true, null)$$,
  'rows that were there start at version 1, alive'
);
select is_empty(
  $$select from pg_temp.log_of('seasoned') c$$,
  'rows that were there are no changes: the first download brings them'
);
update public.seasoned set name = 'x' where id = 1;
select is((select s.version from public.seasoned s where s.id = 1), 2::bigint, 'their first change is version 2');

create table public.seasoned_stamps (
  id int primary key, version bigint, updated_at timestamptz default '2020-01-01', deleted_at timestamptz, name text
);
alter table public.seasoned_stamps enable row level security;
insert into public.seasoned_stamps (id, version, updated_at, deleted_at, name)
values (1, 7, '2021-02-03 04:05Z', null, 'a'), (2, null, null, null, 'b'), (3, 2, '2021-02-03Z', '2021-02-04Z', 'c');
select tidemark.add_table('public.seasoned_stamps', 'public');
select results_eq(
  $$select s.version, s.updated_at from public.seasoned_stamps s where s.id = 1$$,
  $$values (7::bigint, '2021-02-03 04:05Z'::timestamptz)$$, 'a version and updated_at that were there stay'
);
select is_empty(
  $$select from public.seasoned_stamps s where s.version is null$$, 'a row without a version gets one'
);
select lives_ok(
  $$update public.seasoned_stamps set name = name || '!'$$, 'rows with stamps of their own can be changed'
);
select results_eq(
  $$select s.id, s.version, s.updated_at from public.seasoned_stamps s order by 1$$,
  $$values (1, 8::bigint, now()), (2, 2, now()), (3, 3, now())$$, 'and count on from where they stood'
);
insert into public.seasoned_stamps (id) values (4);
select results_eq(
  $$select s.version, s.updated_at from public.seasoned_stamps s where s.id = 4$$,
  $$values (1::bigint, now())$$, 'new rows are stamped, whatever defaults the columns had'
);
select lives_ok(
  $$delete from public.seasoned_stamps where id = 2$$, 'a row that had no version can be deleted'
);

select * from finish();
rollback;
