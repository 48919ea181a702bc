-- A members table of text keys over rows of uuids: a key that is no uuid belongs to no row, and keeps nobody from pulling.
begin;
select plan(3);

create table public.odd_members (key text not null, user_id uuid not null, primary key (user_id, key));
create table public.odd_rows (id int primary key, key uuid not null);
alter table public.odd_rows enable row level security;
grant select, insert, update, delete on public.odd_rows to authenticated;
create policy "all" on public.odd_rows to authenticated using (true);
select tidemark.add_scope('oddkind', 'public.odd_members', 'key', 'user_id');
-- Either the pairing is refused, or it works.
create function pg_temp.paired() returns boolean
language plpgsql
as $$
begin
  perform tidemark.add_table('public.odd_rows', 'oddkind:key');
  return true;
exception when sqlstate 'TM004' then
  return false;
end
$$;
create temp table pairing as select pg_temp.paired() as works;
insert into public.odd_rows values (1, '00000000-0000-4000-8000-000000000001');
insert into public.odd_members values ('not a uuid', '00000000-0000-4000-8000-00000000000a'), ('00000000-0000-4000-8000-000000000001', '00000000-0000-4000-8000-00000000000a');

select set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true);
set local role authenticated;
select lives_ok($$ select public.sync_pull('00000000-0000-4000-8000-0000000000d1') $$, 'a pull of every table');
select lives_ok($$ select public.sync_verify() $$, 'and a verification');
select lives_ok($$ select public.sync_status() $$, 'and a status');
reset role;

select * from finish();
rollback;
