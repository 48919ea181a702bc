-- A pull runs on read replicas and by GET: it is stable, and leaves no trace.
begin;
\ir ../helpers.psql
select plan(3);

create table public.read_only_rows (id uuid primary key, user_id uuid not null);
select pg_temp.add_own_table('public.read_only_rows');
insert into public.read_only_rows values (pg_temp.id(1), pg_temp.user_id('a'));
select volatility_is('public', 'sync_pull', array['uuid', 'json', 'json'], 'stable', 'sync_pull is stable');
select pg_temp.sign_in('a');
set transaction read only;
select lives_ok($$select pg_temp.pull()$$, 'it runs in a read-only transaction');
select lives_ok($$select pg_temp.pull(pg_temp.pull() -> 'cursor')$$, 'also with a cursor');

select * from finish();
rollback;
