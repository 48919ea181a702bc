-- Which table it is, is told by the number that its triggers carry, not by its name: one that was dropped and
-- made anew holds other rows, or other versions of them, and none of its changes were logged before it was added.
begin;
\ir ../helpers.psql
select plan(19);

create function pg_temp.make(table_name text) returns void language plpgsql as $$
begin
  execute format('create table public.%I (id int primary key, owner uuid not null default %L)', table_name, pg_temp.user_id('e1'));
  perform pg_temp.allow_all(format('public.%I', table_name)::regclass);
end
$$;

select pg_temp.make('anew');
insert into public.anew values (1);
select tidemark.add_table('public.anew', 'user:owner');
insert into public.anew values (2);
select is(pg_temp.sync('anew', 'e1'), '12', 'a device holds the table');
select set_config('test.number', pg_temp.table_no('anew')::text, true);

-- What keeps its number.
alter table public.anew rename to anew_for_a_while;
alter table public.anew_for_a_while rename to anew;
select tidemark.add_table('public.anew', 'user:owner');
select is(pg_temp.table_no('anew'), current_setting('test.number')::int, 'a table that had another name for a while is the same');
update tidemark.sync_tables set numbers_of = 0 where name = 'anew';
select tidemark.add_table('public.anew', 'user:owner');
select is(pg_temp.table_no('anew'), current_setting('test.number')::int, 'so is one that came with a dump, whose relation has another oid');

-- Made anew, with one of the rows and another one.
select pg_temp.make('anew_new');
insert into public.anew_new values (2), (3);
drop table public.anew;
alter table public.anew_new rename to anew;
select tidemark.add_table('public.anew', 'user:owner');
select isnt(pg_temp.table_no('anew'), current_setting('test.number')::int, 'a table made anew under the old name is another one');
select is_empty($$select from tidemark.sync_changes c where c.table_no = current_setting('test.number')::int$$, 'the log of the old one is no history of it');
select is(pg_temp.sync('anew', 'e1'), 'reset', 'devices start afresh');
select is(pg_temp.sync('anew', 'e1'), '23', 'and get the rows it has, whatever their versions');

-- Made anew while the old one is kept under another name.
select set_config('test.number', pg_temp.table_no('anew')::text, true);
alter table public.anew rename to anew_kept;
select pg_temp.make('anew');
insert into public.anew values (4);
select tidemark.add_table('public.anew', 'user:owner');
select isnt(pg_temp.table_no('anew'), current_setting('test.number')::int, 'the name alone makes it no table of old');
select is(pg_temp.triggers('public.anew_kept'), '{}'::text[], 'the one that had the name is plain again');
select is(
  (select count(*) from pg_index i where i.indrelid = 'public.anew_kept'::regclass), 1::bigint, 'without the index on the scope'
);
delete from public.anew_kept where id = 2;
select is((select count(*) from public.anew_kept), 1::bigint, 'where a delete is a delete');
select is(pg_temp.sync('anew', 'e1') || pg_temp.sync('anew', 'e1'), 'reset4', 'devices hold what is in the new one');

-- Two tables that change names.
select tidemark.add_table('public.anew_kept', 'user:owner');
create temp table was as select pg_temp.table_no('anew') as one, pg_temp.table_no('anew_kept') as two;
alter table public.anew rename to anew_between;
alter table public.anew_kept rename to anew;
alter table public.anew_between rename to anew_kept;
select tidemark.add_table('public.anew', 'user:owner');
select tidemark.add_table('public.anew_kept', 'user:owner');
select ok((select pg_temp.table_no('anew') > greatest(w.one, w.two) and pg_temp.table_no('anew_kept') > greatest(w.one, w.two) from was w), 'tables that change names are others, both');
select is(pg_temp.sync('anew', 'e1') || pg_temp.sync('anew', 'e1'), 'reset3', 'and devices hold what is in the one of that name');
insert into public.anew values (5);
select is((select c.table_no from tidemark.sync_changes c where c.row_id = '5'), pg_temp.table_no('anew'), 'whose changes are logged under its number');

-- A renamed table that is added under its new name: its rows are the same, and what waits for a person waits on.
select set_config('test.number', pg_temp.table_no('anew')::text, true);
insert into tidemark.sync_conflicts (table_no, row_id, user_id, op, columns, client, server, server_version, edited_at, analysis)
select pg_temp.table_no('anew'), '3', pg_temp.user_id('e1'), 'patch', '{owner}', '{"owner": 1}', '{"id": 3}', v, now(), '{}' from unnest('{0,1}'::int[]) v;
insert into tidemark.sync_changes (table_no, scope, row_id, op, version, columns)
values (pg_temp.table_no('anew'), 'user:00000000-0000-4000-8000-0000000000e1', '3', 'update', 1, '{owner}');
alter table public.anew rename to anew_moved;
select tidemark.add_table('public.anew_moved', 'user:owner');
select is(pg_temp.table_no('anew'), null, 'a renamed table is no longer known by its old name');
select results_eq(
  $$select i.indexrelid::regclass::text from pg_index i where i.indrelid = 'public.anew_moved'::regclass and not i.indisprimary$$,
  array['tidemark_scope_' || pg_temp.table_no('anew_moved')], 'its index is that of the new one alone'
);
select results_eq(
  $$select k.server_version from tidemark.sync_conflicts k where k.table_no in (pg_temp.table_no('anew_moved'), current_setting('test.number')::int)$$,
  array[1::bigint], 'an edit that waited for a person goes on waiting, one that was settled does not'
);
select results_eq(
  $$select k.table_no from tidemark.sync_conflicts k where k.row_id = '3' and k.user_id = pg_temp.user_id('e1')$$,
  array[pg_temp.table_no('anew_moved')], 'under the new number'
);

select * from finish();
rollback;
