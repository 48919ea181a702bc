-- Devices download a new table with their next pull. A table that was dropped is not pulled any more.
begin;
\ir ../helpers.psql
select plan(5);

create table public.early (id uuid primary key, user_id uuid not null);
create table public.late (id uuid primary key, user_id uuid not null);
select pg_temp.add_own_table('public.early');
insert into public.early values (pg_temp.id(1), pg_temp.user_id('a'));
insert into public.late values (pg_temp.id(2), pg_temp.user_id('a'));
select pg_temp.commit_as(0);
select pg_temp.sign_in('a');
select pg_temp.save('cursor', pg_temp.as_of(pg_temp.pull() -> 'cursor', 1));
select pg_temp.sign_out();
select pg_temp.add_own_table('public.late');
select pg_temp.sign_in('a');
select is(pg_temp.changes(pg_temp.pull(pg_temp.saved('cursor'))), '+2', 'a table added since comes whole');
select pg_temp.sign_out();
drop table public.early;
select pg_temp.sign_in('a');
select lives_ok($$select pg_temp.pull(pg_temp.saved('cursor'))$$, 'a table dropped since fails no pull');
select pg_temp.sign_out();
create table public.early (id uuid primary key, user_id uuid not null);
insert into public.early values (pg_temp.id(3), pg_temp.user_id('a'));
select pg_temp.sign_in('a');
select lives_ok($$select pg_temp.pull()$$, 'nor does another one under its name');
select lives_ok($$select pg_temp.pull(pg_temp.saved('cursor'))$$, 'from whatever cursor');
select is(pg_temp.changes(pg_temp.pull()), '+2', 'it is not synced until it is added');

select * from finish();
rollback;
