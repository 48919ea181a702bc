-- A role that has nothing but grants on the tables (an import, a report, the user of an ORM) writes to them as
-- before: what the triggers are made of is theirs.
begin;
\ir ../helpers.psql
select plan(8);

create role tidemark_test_importer nologin;
grant tidemark_test_importer to postgres with inherit false, set true;
create table public.imported (id int primary key, user_id uuid not null, name text, upper_name text generated always as (upper(name)) stored);
create table public.imported_plain (id int primary key, user_id uuid not null, name text);
create table public.imported_members (crew int not null, member uuid not null, note text, primary key (crew, member));
alter table public.imported enable row level security;
alter table public.imported_plain enable row level security;
create policy "all" on public.imported using (true);
create policy "all" on public.imported_plain using (true);
select tidemark.add_scope('imported_crew', 'public.imported_members', 'crew', 'member');
select tidemark.add_table('public.imported', 'user:user_id'), tidemark.add_table('public.imported_plain', 'user:user_id');
grant usage on schema public to tidemark_test_importer;
grant select, insert, update, delete on public.imported, public.imported_plain, public.imported_members to tidemark_test_importer;

create function pg_temp.as_importer(command text) returns void language plpgsql as $$
begin
  perform set_config('role', 'tidemark_test_importer', true);
  execute command;
  perform set_config('role', 'postgres', true);
end
$$;
select ok(
  not has_schema_privilege('tidemark_test_importer', 'extensions', 'usage') and not has_schema_privilege('tidemark_test_importer', 'tidemark', 'usage'),
  'a role without a right to the schemas of extensions and of Tidemark'
);
select lives_ok(
  format($$select pg_temp.as_importer('insert into public.%I (id, user_id, name, version) values (1, gen_random_uuid(), ''a'', 9), (2, gen_random_uuid(), ''b'', 1)')$$, name),
  'inserts into ' || name
) from unnest(array['imported', 'imported_plain']) name;
select lives_ok($$select pg_temp.as_importer('update public.imported_plain set name = ''c'' where id = 1')$$, 'updates');
select lives_ok($$select pg_temp.as_importer('update public.imported set name = ''c'' where id = 1')$$, 'also where a column is generated');
select results_eq(
  $$select i.version, p.version from public.imported i join public.imported_plain p using (id) order by id$$, $$values (2::bigint, 2::bigint), (1, 1)$$,
  'its rows are stamped like all others'
);
select lives_ok(
  $$select pg_temp.as_importer(c) from unnest(array[
    'delete from public.imported', 'delete from public.imported_plain', 'insert into public.imported_members values (1, gen_random_uuid())',
    'update public.imported_members set note = ''n''', 'delete from public.imported_members']) c$$,
  'deletes, and says who is a member'
);
select throws_ok(
  $$select pg_temp.as_importer('update public.imported set deleted_at = null')$$, 'TM016', null,
  'but brings nothing back'
);

select * from finish();
rollback;
