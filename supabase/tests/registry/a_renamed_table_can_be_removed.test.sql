-- A synced table that is renamed, to be archived, still takes inserts, updates and deletes, and
-- remove_table takes off what it finds there under whatever name.
begin;
\ir ../helpers.psql
select plan(12);

create table public.archived_lists (id int primary key, owner uuid not null, title text);
create table public.archived_items (id int primary key, list int references public.archived_lists on delete cascade, owner uuid not null);
alter table public.archived_lists enable row level security;
alter table public.archived_items enable row level security;
select tidemark.add_table('public.archived_lists', 'user:owner'), tidemark.add_table('public.archived_items', 'user:owner');
insert into public.archived_lists select n, pg_temp.user_id('e2') from generate_series(1, 3) n;
insert into public.archived_items select n, n, pg_temp.user_id('e2') from generate_series(1, 3) n;
select set_config('test.number', (select t.table_no::text from tidemark.sync_tables t where t.name = 'archived_lists'), true);

alter table public.archived_lists rename to lists_of_old;
alter table public.archived_items rename to items_of_old;
alter table public.items_of_old rename owner to held_by;
select lives_ok($$insert into public.lists_of_old values (4, pg_temp.user_id('e2'))$$, 'a renamed table takes rows');
select lives_ok($$update public.lists_of_old set title = 'x' where id = 4$$, 'and edits');
select lives_ok($$delete from public.lists_of_old where id = 1$$, 'and deletes');
select results_eq(
  $$select id from public.items_of_old where deleted_at is not null$$, array[1], 'which follow foreign keys to another renamed table'
);
select results_eq(
  $$select c.op::text, c.scope collate "default" from pg_temp.log_of('archived_items') c where c.row_id = '1' order by c.id$$,
  $$values ('insert', 'user:00000000-0000-4000-8000-0000000000e2'), ('delete', 'user:00000000-0000-4000-8000-0000000000e2')$$,
  'and are logged, for the day when the name is given back'
);
alter table public.items_of_old drop constraint archived_items_list_fkey,
  add foreign key (list) references public.lists_of_old on delete restrict;
delete from public.items_of_old where id = 2;
select lives_ok($$delete from public.lists_of_old where id = 2$$, 'a tombstone of a renamed table holds no parent');
select throws_ok($$delete from public.lists_of_old where id = 3$$, '23503', null, 'a row of it does');

insert into tidemark.sync_conflicts (table_no, row_id, user_id, op, columns, client, server, server_version, edited_at, analysis)
values (current_setting('test.number')::int, '3', pg_temp.user_id('e2'), 'patch', '{title}', '{"title": "a"}', '{"id": 3}', 1, now(), '{}');
select tidemark.remove_table('public.lists_of_old'), tidemark.remove_table('public.items_of_old');
select is_empty(
  $$select g.tgname from pg_trigger g where g.tgrelid in ('public.lists_of_old'::regclass, 'public.items_of_old'::regclass) and not g.tgisinternal$$,
  'remove_table takes the triggers off'
);
select is_empty(
  $$select i.indexrelid::regclass from pg_index i where i.indrelid in ('public.lists_of_old'::regclass, 'public.items_of_old'::regclass) and not i.indisprimary$$,
  'and the indexes'
);
select is_empty($$select t.name from tidemark.sync_tables t where t.name like 'archived%'$$, 'the registry forgets the old names');
select is_empty(
  $$select from tidemark.sync_changes c where c.table_no = current_setting('test.number')::int
    union all select from tidemark.sync_conflicts k where k.table_no = current_setting('test.number')::int$$,
  'as do the log and the conflicts'
);
delete from public.items_of_old where id = 3;
select is((select count(*) from public.items_of_old), 2::bigint, 'and a delete is a delete again');

select * from finish();
rollback;
