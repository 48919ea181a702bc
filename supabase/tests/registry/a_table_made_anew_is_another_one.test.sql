-- Which table it is, is told by the number that its triggers carry, not by its name: one that was dropped and
-- made anew holds other rows, or other versions of them, and none of its changes were logged before it was added.
begin;
\ir ../helpers.psql
select plan(19);

-- What the next pull says: reset, or the ids that it brings. The cursor is kept.
create function pg_temp.pull() returns text language plpgsql as $$
declare
  place json := nullif(current_setting('test.cursor', true), '');
  page jsonb;
  ids text := '';
begin
  perform set_config('role', 'authenticated', true),
    set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-0000000000e1", "role": "authenticated"}', true);
  loop
    page := public.sync_pull(pg_temp.device(1), place, '{"tables": ["anew"]}');
    exit when (page -> 'reset')::boolean;
    ids := ids || coalesce((
      select string_agg(coalesce(r ->> 'id', ''), '' order by r ->> 'id') from jsonb_array_elements(page -> 'changes') c cross join jsonb_array_elements(c -> 'upsert') r), '');
    place := page -> 'cursor';
    exit when not (page -> 'more')::boolean;
  end loop;
  perform set_config('role', 'postgres', true),
    set_config('test.cursor', case when (page -> 'reset')::boolean then '' else page ->> 'cursor' end, true);
  return case when (page -> 'reset')::boolean then 'reset' else ids end;
end
$$;
create function pg_temp.number(of_name text default 'anew') returns int language sql as $$
  select t.table_no from tidemark.sync_tables t where t.name = of_name
$$;
create function pg_temp.make(table_name text) returns void language plpgsql as $$
begin
  execute format('create table public.%I (id int primary key, owner uuid not null default %L)', table_name, pg_temp.user_id('e1'));
  execute format('alter table public.%I enable row level security', table_name);
  execute format('grant select on public.%I to authenticated', table_name);
  execute format('create policy "all" on public.%I using (true)', table_name);
end
$$;
create function pg_temp.triggers(table_name text) returns text language sql as $$
  select coalesce(string_agg(g.tgname, ' '), '') from pg_trigger g where g.tgrelid = ('public.' || table_name)::regclass and not g.tgisinternal
$$;

select pg_temp.make('anew');
insert into public.anew values (1);
select tidemark.add_table('public.anew', 'user:owner');
insert into public.anew values (2);
select is(pg_temp.pull(), '12', 'a device holds the table');
select set_config('test.number', pg_temp.number()::text, true);

-- What keeps its number.
alter table public.anew rename to anew_for_a_while;
alter table public.anew_for_a_while rename to anew;
select tidemark.add_table('public.anew', 'user:owner');
select is(pg_temp.number(), current_setting('test.number')::int, 'a table that had another name for a while is the same');
update tidemark.sync_tables set numbers_of = 0 where name = 'anew';
select tidemark.add_table('public.anew', 'user:owner');
select is(pg_temp.number(), current_setting('test.number')::int, 'so is one that came with a dump, whose relation has another oid');

-- Made anew, with one of the rows and another one.
select pg_temp.make('anew_new');
insert into public.anew_new values (2), (3);
drop table public.anew;
alter table public.anew_new rename to anew;
select tidemark.add_table('public.anew', 'user:owner');
select isnt(pg_temp.number(), current_setting('test.number')::int, 'a table made anew under the old name is another one');
select is_empty($$select from tidemark.sync_changes c where c.table_no = current_setting('test.number')::int$$, 'the log of the old one is no history of it');
select is(pg_temp.pull(), 'reset', 'devices start afresh');
select is(pg_temp.pull(), '23', 'and get the rows it has, whatever their versions');

-- Made anew while the old one is kept under another name.
select set_config('test.number', pg_temp.number()::text, true);
alter table public.anew rename to anew_kept;
select pg_temp.make('anew');
insert into public.anew values (4);
select tidemark.add_table('public.anew', 'user:owner');
select isnt(pg_temp.number(), current_setting('test.number')::int, 'the name alone makes it no table of old');
select is(pg_temp.triggers('anew_kept'), '', 'the one that had the name is plain again');
select is(
  (select count(*) from pg_index i where i.indrelid = 'public.anew_kept'::regclass), 1::bigint, 'without the index on the scope'
);
delete from public.anew_kept where id = 2;
select is((select count(*) from public.anew_kept), 1::bigint, 'where a delete is a delete');
select is(pg_temp.pull() || pg_temp.pull(), 'reset4', 'devices hold what is in the new one');

-- Two tables that change names.
select tidemark.add_table('public.anew_kept', 'user:owner');
create temp table was as select pg_temp.number() as one, pg_temp.number('anew_kept') as two;
alter table public.anew rename to anew_between;
alter table public.anew_kept rename to anew;
alter table public.anew_between rename to anew_kept;
select tidemark.add_table('public.anew', 'user:owner');
select tidemark.add_table('public.anew_kept', 'user:owner');
select ok((select pg_temp.number() > greatest(w.one, w.two) and pg_temp.number('anew_kept') > greatest(w.one, w.two) from was w), 'tables that change names are others, both');
select is(pg_temp.pull() || pg_temp.pull(), 'reset3', 'and devices hold what is in the one of that name');
insert into public.anew values (5);
select is((select c.table_no from tidemark.sync_changes c where c.row_id = '5'), pg_temp.number(), 'whose changes are logged under its number');

-- A renamed table that is added under its new name: its rows are the same, and what waits for a person waits on.
select set_config('test.number', pg_temp.number()::text, true);
insert into tidemark.sync_conflicts (table_no, row_id, user_id, op, columns, client, server, server_version, edited_at, analysis)
select pg_temp.number(), '3', pg_temp.user_id('e1'), 'patch', '{owner}', '{"owner": 1}', '{"id": 3}', v, now(), '{}' from unnest('{0,1}'::int[]) v;
insert into tidemark.sync_changes (table_no, scope, row_id, op, version, columns)
values (pg_temp.number(), 'user:00000000-0000-4000-8000-0000000000e1', '3', 'update', 1, '{owner}');
alter table public.anew rename to anew_moved;
select tidemark.add_table('public.anew_moved', 'user:owner');
select is(pg_temp.number(), null, 'a renamed table is no longer known by its old name');
select results_eq(
  $$select i.indexrelid::regclass::text from pg_index i where i.indrelid = 'public.anew_moved'::regclass and not i.indisprimary$$,
  array['tidemark_scope_' || pg_temp.number('anew_moved')], 'its index is that of the new one alone'
);
select results_eq(
  $$select k.server_version from tidemark.sync_conflicts k where k.table_no in (pg_temp.number('anew_moved'), current_setting('test.number')::int)$$,
  array[1::bigint], 'an edit that waited for a person goes on waiting, one that was settled does not'
);
select results_eq(
  $$select k.table_no from tidemark.sync_conflicts k where k.row_id = '3' and k.user_id = pg_temp.user_id('e1')$$,
  array[pg_temp.number('anew_moved')], 'under the new number'
);

select * from finish();
rollback;
