-- add_table with another scope says anew whom the rows concern: devices that hold them start afresh, and
-- those that get them now download them.
begin;
\ir ../helpers.psql
select plan(13);

create table public.moved_members (voyage int not null, member uuid not null, primary key (voyage, member));
insert into public.moved_members values (7, pg_temp.user_id('2'));
select tidemark.add_scope('moved_voyage', 'public.moved_members', 'voyage', 'member');
create table public.moved (id int primary key, owner uuid not null, voyage int not null default 7);
alter table public.moved enable row level security;
grant select on public.moved to authenticated;
create policy "everybody, for the scope to be what differs" on public.moved using (true);
insert into public.moved values (1, pg_temp.user_id('1'));

select tidemark.add_table('public.moved', 'public', 'manual');
delete from tidemark.sync_changes;
select is(pg_temp.sync('moved', '1') || pg_temp.sync('moved', '2'), '11', 'a public row is on every device');
insert into tidemark.sync_conflicts (table_no, row_id, user_id, op, columns, client, server, server_version, edited_at, analysis)
values (pg_temp.table_no('moved'), '1', pg_temp.user_id('1'), 'patch', '{voyage}', '{"voyage": 8}', '{"id": 1, "voyage": 7}', 1, now(), '{}'),
  (pg_temp.table_no('moved'), '1', pg_temp.user_id('1'), 'patch', '{voyage}', '{"voyage": 9}', '{"id": 1, "voyage": 7}', 0, now(), '{}');
insert into tidemark.sync_changes (table_no, scope, row_id, op, version, columns)
values (pg_temp.table_no('moved'), 'public', '1', 'update', 1, '{voyage}');

select set_config('test.number', pg_temp.table_no('moved')::text, true);
select tidemark.add_table('public.moved', 'public', 'manual');
select is(pg_temp.table_no('moved'), current_setting('test.number')::int, 'with the same scope it is the same table');

select tidemark.add_table('public.moved', 'user:owner', 'manual');
select isnt(pg_temp.table_no('moved'), current_setting('test.number')::int, 'with another one it is not');
select is(pg_temp.sync('moved', '1') || pg_temp.sync('moved', '2'), 'resetreset', 'devices that hold its rows start afresh');
select is(pg_temp.sync('moved', '1'), '1', 'the owner of a row gets it again');
select is(pg_temp.sync('moved', '2'), '', 'other users do not');
select results_eq(
  $$select k.client ->> 'voyage' from tidemark.sync_conflicts k where k.table_no = pg_temp.table_no('moved')$$, array['8'],
  'an edit that waited for a person goes on waiting, one that was settled does not'
);

select tidemark.add_table('public.moved', 'moved_voyage:voyage');
select is(pg_temp.sync('moved', '1') || pg_temp.sync('moved', '2'), 'resetreset', 'so they do for a scope of another kind');
select is(pg_temp.sync('moved', '2'), '1', 'its members get the rows that were there');
select is(pg_temp.sync('moved', '1'), '', 'and a user who is no member does not keep the rows');

select set_config('test.number', pg_temp.table_no('moved')::text, true);
alter table public.moved rename voyage to trip;
select tidemark.add_table('public.moved', 'moved_voyage:trip');
select is(pg_temp.table_no('moved'), current_setting('test.number')::int, 'a column that was renamed is the same scope');
alter table public.moved rename trip to voyage;
alter table public.moved add column trip int not null default 7;
select tidemark.add_table('public.moved', 'moved_voyage:trip');
select isnt(pg_temp.table_no('moved'), current_setting('test.number')::int, 'another column is another scope');
select results_eq(
  $$select count(*), min(i.indexrelid::regclass::text) from pg_index i where i.indrelid = 'public.moved'::regclass and not i.indisprimary$$,
  format($$values (1::bigint, 'tidemark_scope_%s')$$, pg_temp.table_no('moved')), 'the index of the old one is gone'
);

select * from finish();
rollback;
