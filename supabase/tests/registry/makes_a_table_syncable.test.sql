-- What one call of add_table puts on a table.
begin;
\ir ../helpers.psql
select plan(12);

create table public.syncable (id uuid primary key default gen_random_uuid(), user_id uuid not null, name text);
alter table public.syncable enable row level security;
select tidemark.add_table('public.syncable', 'user:user_id');

select col_type_is('syncable', 'version', 'bigint', 'version is a bigint');
select col_not_null('syncable', 'version', 'every row has a version');
select col_default_is('syncable', 'version', '1', 'a row starts at version 1');
select col_type_is('syncable', 'updated_at', 'timestamp with time zone', 'updated_at has a time zone');
select col_default_is('syncable', 'updated_at', 'now()', 'updated_at starts with the transaction');
select col_type_is('syncable', 'deleted_at', 'timestamp with time zone', 'deleted_at has a time zone');
select col_is_null('syncable', 'deleted_at', 'a row may be alive');

select results_eq(
  $$select t.name, t.schema_name, t.table_name, t.key_column, t.key_type, t.scope_kind, t.scope_column, t.conflict, t.columns
    from tidemark.sync_tables t where t.name = 'syncable'$$,
  $$values ('syncable', 'public', 'syncable', 'id', 'uuid', 'user', 'user_id', 'last_write_wins', '{}'::jsonb)$$,
  'the registry knows name, key, scope and policy'
);
select is(
  (
    select string_agg(concat_ws(' ',
      g.tgname,
      case when g.tgtype & 2 > 0 then 'before' else 'after' end,
      case when g.tgtype & 4 > 0 then 'insert' when g.tgtype & 8 > 0 then 'delete'
        when g.tgtype & 16 > 0 then 'update' when g.tgtype & 32 > 0 then 'truncate' end,
      case when g.tgtype & 1 > 0 then 'row' else 'statement' end,
      p.proname), e'\n' order by g.tgname)
    from pg_trigger g join pg_proc p on p.oid = g.tgfoid
    where g.tgrelid = 'syncable'::regclass and not g.tgisinternal
  ),
  concat_ws(e'\n',
    'tidemark_delete before delete row collect_delete',
    'tidemark_deleted after delete statement delete_collected',
    'tidemark_log_insert after insert statement log_insert',
    'tidemark_log_update after update statement log_update',
    'tidemark_truncate before truncate statement refuse_truncate',
    '~tidemark_deleted_at before update row refuse_deleted_at',
    '~tidemark_stamp_insert before insert row stamp_insert',
    '~tidemark_stamp_update before update row stamp_update'),
  'a syncable table has exactly these triggers'
);
select ok(
  exists (
    select from pg_index i where i.indrelid = 'syncable'::regclass
      and pg_get_indexdef(i.indexrelid, 1, true) = 'user_id' and pg_get_indexdef(i.indexrelid, 2, true) = 'id'),
  'the first download has an index on (scope, key)'
);

create table public.syncable_by_all (id uuid primary key, name text);
alter table public.syncable_by_all enable row level security;
select tidemark.add_table('public.syncable_by_all', 'public');
select results_eq(
  $$select t.scope_kind, t.scope_column from tidemark.sync_tables t where t.name = 'syncable_by_all'$$,
  $$values ('public', null::text)$$, 'a public table has no scope column'
);
select is(
  (select count(*) from pg_index i where i.indrelid = 'syncable_by_all'::regclass), 1::bigint,
  'a public table needs no index beside its key'
);

select * from finish();
rollback;
