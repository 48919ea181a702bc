-- Whatever the size of a statement and the type of a column: the log names a column whose value became another one, also
-- where Postgres calls the two equal, or knows their equality only in another schema.
begin;
\ir ../helpers.psql
select plan(24);

create extension if not exists citext with schema extensions;
create collation public.any_case (provider = icu, locale = 'und-u-ks-level2', deterministic = false);
create temp table changes (n int generated always as identity, type text, before text, after text);
insert into changes (type, before, after) values
  ('text', 'a', 'b'), ('bigint', '1', '2'), ('jsonb', '{"a": 1}', '{"a": 2}'), ('text[]', '{a}', '{b}'), ('point', '(1,2)', '(1,3)'), ('json', '1', '2'),
  ('numeric', '1.0', '1.00'), ('interval', '24 hours', '1 day'), ('double precision', '0', '-0'), ('text collate public.any_case', 'a', 'A'),
  ('extensions.citext', 'a', 'A'), ('extensions.hstore', 'a=>1', 'a=>2');

create function pg_temp.named(c changes, row_count int) returns text
language plpgsql
as $$
declare
  bulk text := format('bulk_%s_%s', c.n, row_count);
  logged text;
begin
  execute format('create table public.%I (id int primary key, v %s, other int)', bulk, c.type);
  execute format('alter table public.%I enable row level security', bulk);
  perform tidemark.add_table(format('public.%I', bulk)::regclass, 'public');
  execute format('insert into public.%I (id, v) select n, %L from generate_series(1, %s) n', bulk, c.before, row_count);
  execute format('update public.%I set v = %L', bulk, c.after);
  select string_agg(distinct l.columns::text, ' ') || ' x ' || count(*) into logged
  from tidemark.sync_changes l join tidemark.live_tables t using (table_no) where t.name = format('bulk_%s_%s', c.n, row_count) and l.op = 'update';
  return logged;
exception when undefined_function then
  return sqlerrm;
end
$$;

select is(pg_temp.named(c, 1), '{v} x 1', format('%s: one row', c.type)) from changes c;
select is(pg_temp.named(c, 150), '{v} x 150', format('%s: many rows', c.type)) from changes c;

select * from finish();
rollback;
