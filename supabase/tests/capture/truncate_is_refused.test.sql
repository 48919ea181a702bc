-- TRUNCATE asks no policy and fires no row trigger: devices would never remove the rows.
begin;
\ir ../helpers.psql
select plan(6);

create table public.untruncated (id int primary key);
create table public.untruncated_child (id int primary key, parent int references public.untruncated);
alter table public.untruncated enable row level security;
select pg_temp.add_public_table('public.untruncated_child');
insert into public.untruncated values (1);
insert into public.untruncated_child values (1, 1);

select throws_like($$truncate public.untruncated_child$$, 'truncate_refused: %', 'truncate is refused');
select throws_ok($$truncate public.untruncated_child$$, 'TM010', null, 'with its code');
select throws_ok($$truncate public.untruncated cascade$$, 'TM010', null, 'also where a parent''s would cascade to it');
select pg_temp.sign_in('a');
select throws_ok($$truncate public.untruncated_child$$, 'TM010', null, 'also for a role that was granted truncate');
select pg_temp.sign_out();
select is((select count(*) from public.untruncated_child), 1::bigint, 'nothing is lost');
select tidemark.remove_table('public.untruncated_child');
select lives_ok($$truncate public.untruncated_child$$, 'a table that is not synced may be truncated');

select * from finish();
rollback;
