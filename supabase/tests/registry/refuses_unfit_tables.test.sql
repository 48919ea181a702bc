-- add_table says no with a stable SQLSTATE and a hint, and leaves nothing behind.
begin;
\ir ../helpers.psql
select plan(31);

create table public.unfit_no_key (user_id uuid not null);
alter table public.unfit_no_key enable row level security;
create table public.unfit_composite (a int, b int, user_id uuid not null, primary key (a, b));
alter table public.unfit_composite enable row level security;
create table public.unfit_open (id uuid primary key, user_id uuid not null);
create table public.unfit (
  id uuid primary key, owner uuid, label text not null, user_id uuid not null
);
alter table public.unfit enable row level security;
create table public.unfit_reserved (id uuid primary key, user_id uuid not null, tidemark_row text);
alter table public.unfit_reserved enable row level security;
create table public.unfit_base (id uuid primary key, user_id uuid not null);
create table public.unfit_heir (primary key (id)) inherits (public.unfit_base);
alter table public.unfit_base enable row level security;
alter table public.unfit_heir enable row level security;
create schema unfit_schema;
create table unfit_schema.twin (id uuid primary key, user_id uuid not null);
create table public."unfit_schema.twin" (id uuid primary key, user_id uuid not null);
alter table unfit_schema.twin enable row level security;
alter table public."unfit_schema.twin" enable row level security;
select tidemark.add_table('unfit_schema.twin', 'user:user_id');
create view public.unfit_view as select * from public.unfit;
create materialized view public.unfit_materialized as select * from public.unfit;
create table public.unfit_parted (id uuid primary key, user_id uuid not null) partition by hash (id);
alter table public.unfit_parted enable row level security;
create table public.unfit_part partition of public.unfit_parted for values with (modulus 1, remainder 0);
alter table public.unfit_part enable row level security;
create table public.unfit_version (id uuid primary key, user_id uuid not null, version text);
alter table public.unfit_version enable row level security;
create table public.unfit_updated (id uuid primary key, user_id uuid not null, updated_at timestamp);
alter table public.unfit_updated enable row level security;
create table public.unfit_deleted (id uuid primary key, user_id uuid not null, deleted_at boolean);
alter table public.unfit_deleted enable row level security;

-- The wording is free; the code before the colon and the SQLSTATE are what people match on.
create function pg_temp.refusal(call text, state text, code text, rule text) returns text language sql as $$
  select is(concat_ws(' ', e ->> 'state', split_part(e ->> 'message', ':', 1), case when e ->> 'hint' = '' then 'no hint' end), state || ' ' || code, rule)
  from pg_temp.error_of(call) e
$$;

select pg_temp.refusal($$select tidemark.add_table('unfit_no_key', 'user:user_id')$$, 'TM001', 'no_primary_key', 'a table without a primary key is refused');
select pg_temp.refusal($$select tidemark.add_table('unfit_composite', 'user:user_id')$$, 'TM002', 'composite_key', 'a composite key is refused');
select pg_temp.refusal($$select tidemark.add_table('unfit_open', 'user:user_id')$$, 'TM003', 'rls_disabled', 'a table without row level security is refused');
select pg_temp.refusal($$select tidemark.add_table('unfit_open', 'public')$$, 'TM003', 'rls_disabled', 'a public table needs row level security too');
select pg_temp.refusal($$select tidemark.add_table('unfit', 'user:nowhere')$$, 'TM004', 'scope_column_missing', 'a scope column that is not there is refused');
select pg_temp.refusal($$select tidemark.add_table('unfit', 'user:tableoid')$$, 'TM004', 'scope_column_missing', 'a system column is no scope column');
select pg_temp.refusal($$select tidemark.add_table('unfit', 'user:label')$$, 'TM004', 'scope_column_missing', 'a user''s scope column that is no uuid is refused');
select pg_temp.refusal($$select tidemark.add_table('unfit', 'user:owner')$$, 'TM005', 'scope_column_nullable', 'a nullable scope column is refused');
select pg_temp.refusal($$select tidemark.add_table('unfit_view', 'user:user_id')$$, 'TM006', 'not_a_plain_table', 'a view is refused');
select pg_temp.refusal($$select tidemark.add_table('unfit_materialized', 'user:user_id')$$, 'TM006', 'not_a_plain_table', 'a materialized view is refused');
select pg_temp.refusal($$select tidemark.add_table('unfit_parted', 'user:user_id')$$, 'TM006', 'not_a_plain_table', 'a partitioned table is refused');
select pg_temp.refusal($$select tidemark.add_table('unfit_part', 'user:user_id')$$, 'TM006', 'not_a_plain_table', 'a partition is refused');
select pg_temp.refusal($$select tidemark.add_table('unfit_version', 'user:user_id')$$, 'TM007', 'stamp_column_type', 'a version that is no bigint is refused');
select pg_temp.refusal($$select tidemark.add_table('unfit_updated', 'user:user_id')$$, 'TM007', 'stamp_column_type', 'an updated_at without time zone is refused');
select pg_temp.refusal($$select tidemark.add_table('unfit_deleted', 'user:user_id')$$, 'TM007', 'stamp_column_type', 'a deleted_at that is a flag is refused');
select pg_temp.refusal($$select tidemark.add_table('unfit', 'user:user_id', 'finders_keepers')$$, 'TM008', 'unknown_conflict_policy', 'an unknown conflict policy is refused');
select pg_temp.refusal($$select tidemark.add_table('unfit', 'user:user_id', null)$$, 'TM008', 'unknown_conflict_policy', 'no conflict policy is refused');
select pg_temp.refusal($$select tidemark.add_table('unfit', 'user:user_id', columns => '{"label":"loudest"}')$$, 'TM009', 'unknown_column_rule', 'an unknown column rule is refused');
select pg_temp.refusal($$select tidemark.add_table('unfit', 'user:user_id', columns => '{"lable":"newest"}')$$, 'TM009', 'unknown_column_rule', 'a rule for a column that is not there is refused');
select pg_temp.refusal($$select tidemark.add_table('unfit', 'user:user_id', columns => '["newest"]')$$, 'TM009', 'unknown_column_rule', 'column rules that are no object are refused');
select pg_temp.refusal($$select tidemark.add_table('unfit', 'galaxy:label')$$, 'TM011', 'unknown_scope', 'a kind of scope that was not declared is refused');
select pg_temp.refusal($$select tidemark.add_table('unfit', 'user')$$, 'TM011', 'unknown_scope', 'a scope without its column is refused');
select pg_temp.refusal($$select tidemark.add_table('unfit', 'public:label')$$, 'TM011', 'unknown_scope', 'public with a column is refused');
select pg_temp.refusal($$select tidemark.add_table('unfit', null)$$, 'TM011', 'unknown_scope', 'no scope is refused');

select pg_temp.refusal($$select tidemark.add_table('unfit_base', 'user:user_id')$$, 'TM006', 'not_a_plain_table', 'a table that others inherit from is refused');
select pg_temp.refusal($$select tidemark.add_table('unfit_heir', 'user:user_id')$$, 'TM006', 'not_a_plain_table', 'and so is one that inherits');
select pg_temp.refusal($$select tidemark.add_table('unfit_reserved', 'user:user_id')$$, 'TM015', 'reserved_name', 'a column with a name of ours is refused');
select pg_temp.refusal($$select tidemark.add_table('"unfit_schema.twin"', 'user:user_id')$$, 'TM015', 'reserved_name', 'a second table of the same name on the wire is refused');

select is_empty(
  $$select t.name from tidemark.sync_tables t where t.name like 'unfit%' and t.name <> 'unfit_schema.twin'$$, 'a refused table is not registered'
);
select is_empty(
  $$select t.tgname from pg_trigger t where t.tgrelid::regclass::text like 'unfit%' and t.tgrelid <> 'unfit_schema.twin'::regclass and t.tgname like '%tidemark%'$$,
  'a refused table gets no triggers'
);
select hasnt_column('unfit', 'version', 'a refused table gets no columns');

select * from finish();
rollback;
