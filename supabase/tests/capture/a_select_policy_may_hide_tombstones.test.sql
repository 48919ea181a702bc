-- `deleted_at is null` in a SELECT policy makes an ordinary soft delete fail with 42501; ours does not.
begin;
\ir ../helpers.psql
select plan(4);

create table public.hidden_dead (id int primary key, user_id uuid not null default auth.uid());
alter table public.hidden_dead enable row level security;
select tidemark.add_table('public.hidden_dead', 'user:user_id');
create policy "see the living" on public.hidden_dead for select using (user_id = auth.uid() and deleted_at is null);
create policy "add" on public.hidden_dead for insert with check (user_id = auth.uid());
create policy "change" on public.hidden_dead for update using (user_id = auth.uid());
create policy "delete" on public.hidden_dead for delete using (user_id = auth.uid());
insert into public.hidden_dead values (1, pg_temp.user_id('a')), (2, pg_temp.user_id('a')), (3, pg_temp.user_id('b'));

select pg_temp.sign_in('a');
select throws_ok(
  $$update public.hidden_dead set deleted_at = now() where id = 2$$, 'TM016', null, 'a soft delete by hand is refused'
);
select lives_ok($$delete from public.hidden_dead where id = 1$$, 'a plain delete works');
select is((select count(*) from public.hidden_dead), 1::bigint, 'the row is out of the user''s sight');
select pg_temp.sign_out();
select is((select string_agg(id::text, ' ') from public.hidden_dead where deleted_at is not null), '1', 'and a tombstone in the table');

select * from finish();
rollback;
