-- A delete of a synced row is an update of deleted_at, so that the app's own triggers on delete may hear nothing
-- of it: add_table and tidemark doctor name those.
begin;
\ir ../helpers.psql
select plan(5);

create table public.counted (id int primary key, user_id uuid not null);
alter table public.counted enable row level security;
create table public.counter (n int not null);
insert into public.counter values (0);
create function public.count_down() returns trigger language plpgsql as 'begin update public.counter set n = n - 1; return null; end';
create function public.let_pass() returns trigger language plpgsql as 'begin return old; end';
create function public.knows() returns trigger language plpgsql as 'begin if new.deleted_at is null then return new; end if; return new; end';

create trigger a_before before delete on public.counted for each row execute function public.let_pass();
create trigger "Z_before" before delete on public.counted for each row execute function public.let_pass();
create trigger unnoticed_before before delete on public.counted for each row execute function public.let_pass();
create trigger count_after after delete on public.counted for each row execute function public.count_down();
create trigger off_after after delete on public.counted for each row execute function public.let_pass();
alter table public.counted disable trigger off_after;
create trigger on_update after update on public.counted for each row execute function public.let_pass();
create trigger knowing after delete on public.counted for each row execute function public.knows();
create trigger statement_after after delete on public.counted for each statement execute function public.let_pass();
create trigger statement_of_rows after delete on public.counted referencing old table as gone for each statement execute function public.let_pass();
select tidemark.add_table('public.counted', 'user:user_id');

select is(
  tidemark.triggers_passed_by('public.counted'::regclass), array['count_after', 'statement_of_rows', 'unnoticed_before']::name[],
  'after a row, before a row but after our trigger, or looking at the rows: these do not fire for a soft delete'
);
insert into public.counted values (1, gen_random_uuid()), (2, gen_random_uuid());
delete from public.counted where id = 1;
select is((select n from public.counter), 0, 'the trigger did not fire');
create trigger count_tombstone after update of deleted_at on public.counted for each row
  when (old.deleted_at is null and new.deleted_at is not null) execute function public.count_down();
drop trigger count_after on public.counted;
create trigger count_after after delete on public.counted for each row when (old.deleted_at is null) execute function public.count_down();
delete from public.counted where id = 2;
select is((select n from public.counter), -1, 'declared as the hint says, it fires');
select tidemark.start_purging('rows');
insert into public.counted values (3, gen_random_uuid());
delete from public.counted;
select tidemark.stop_purging();
select is((select n from public.counter), -2, 'once a row: when a tombstone goes, it has been counted');
select is(
  tidemark.triggers_passed_by('public.counted'::regclass), array['statement_of_rows', 'unnoticed_before']::name[],
  'and is named no more'
);

select * from finish();
rollback;
