-- remove_table takes off what add_table put on; rows and columns stay, and SQL is plain SQL again.
begin;
\ir ../helpers.psql
select plan(11);

create table public.leaver (id uuid primary key, user_id uuid not null default auth.uid(), name text);
alter table public.leaver enable row level security;
create policy "own" on public.leaver using (user_id = auth.uid());
create index leaver_name on public.leaver (name);
create function public.leaver_touch() returns trigger language plpgsql as 'begin return new; end';
create trigger tidemark_of_the_app before update on public.leaver for each row execute function public.leaver_touch();
select tidemark.add_table('public.leaver', 'user:user_id');
insert into public.leaver values (pg_temp.id(1), pg_temp.user_id('a'), 'a'), (pg_temp.id(2), pg_temp.user_id('a'), 'b');
select set_config('test.no', (select t.table_no::text from tidemark.sync_tables t where t.name = 'leaver'), true);
select pg_temp.sign_in('a');
select set_config('test.cursor', pg_temp.pull(null, '{"tables":["leaver"]}') ->> 'cursor', true);
select pg_temp.sign_out();

select tidemark.remove_table('public.leaver');
select is(
  (select string_agg(g.tgname, ' ') from pg_trigger g where g.tgrelid = 'public.leaver'::regclass), 'tidemark_of_the_app',
  'our triggers go, the app''s stay'
);
select is(
  (select string_agg(i.indexrelid::regclass::text, ' ' order by i.indexrelid::regclass::text) from pg_index i where i.indrelid = 'public.leaver'::regclass),
  'leaver_name leaver_pkey', 'our index goes, the app''s stay'
);
select is_empty($$select from tidemark.sync_tables t where t.name = 'leaver'$$, 'the registry forgets the table');
select is_empty(
  $$select from tidemark.sync_changes c where c.table_no = current_setting('test.no')::int$$, 'the log forgets it'
);
select results_eq(
  $$select l.name, l.version from public.leaver l order by 1$$, $$values ('a', 1::bigint), ('b', 1)$$, 'rows and columns stay'
);
delete from public.leaver where name = 'b';
select is((select count(*) from public.leaver), 1::bigint, 'a delete is a delete again');

select pg_temp.sign_in('a');
select is(
  pg_temp.statuses(pg_temp.push($$[{"seq":1,"table":"leaver","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":1,"data":{"name":"x"},"edited_at":"2026-01-01T00:00:00Z"}]$$)),
  'rejected:unknown_table', 'a push to it is rejected'
);
select lives_ok($$select pg_temp.pull(current_setting('test.cursor')::jsonb)$$, 'a cursor that held it can still pull');
select pg_temp.sign_out();
select lives_ok($$select tidemark.remove_table('public.leaver')$$, 'removing it again does nothing');

select tidemark.add_table('public.leaver', 'user:user_id');
select isnt(
  pg_temp.table_no('leaver'), current_setting('test.no')::int,
  'added again it is a new table, which devices download anew'
);
do $$ begin
  execute format('drop index public.%I', 'tidemark_scope_' || pg_temp.table_no('leaver'));
end $$;
select lives_ok($$select tidemark.remove_table('public.leaver')$$, 'an index that the owner dropped is no obstacle');

select * from finish();
rollback;
