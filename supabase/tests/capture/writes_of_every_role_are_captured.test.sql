-- Capture does not depend on the role: anon, the service role and the owner may write, if policies let them, and
-- need no right on Tidemark's schema for it.
begin;
\ir ../helpers.psql
select plan(5);

create table public.guestbook (id int primary key, line text);
grant all on public.guestbook to anon, authenticated, service_role;
alter table public.guestbook enable row level security;
create policy "anyone" on public.guestbook using (true);
select tidemark.add_table('public.guestbook', 'public');

set local role anon;
insert into public.guestbook values (1, 'anon');
update public.guestbook set line = 'anon!' where id = 1;
insert into public.guestbook values (2, 'gone');
delete from public.guestbook where id = 2;
select throws_ok($$truncate public.guestbook$$, 'TM010', null, 'anon meets the truncate guard');
reset role;
set local role service_role;
insert into public.guestbook values (3, 'service');
reset role;
select pg_temp.sign_in('a');
insert into public.guestbook values (4, 'signed in');
select pg_temp.sign_out();
insert into public.guestbook values (5, 'owner');

select is(
  (select string_agg(c.op || c.row_id, ' ' order by c.id) from pg_temp.log_of('guestbook') c),
  'insert1 update1 insert2 delete2 insert3 insert4 insert5', 'every role''s writes are logged'
);
select is((select count(*) from public.guestbook where deleted_at is not null), 1::bigint, 'and every role''s deletes are soft');
select set_config('request.jwt.claims', '', true);
set local role anon;
select throws_ok($$select * from tidemark.sync_changes$$, '42501', null, 'writing gives no right to read the log');
select throws_ok($$insert into tidemark.sync_changes (version, table_no, op, scope, row_id) values (1, 1, 'insert', 'public', 'x')$$, '42501', null, 'nor to write it');
reset role;

select * from finish();
rollback;
