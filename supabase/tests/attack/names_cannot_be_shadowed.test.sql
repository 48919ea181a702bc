-- A user who can run SQL (by a function of the app's that runs it, by a connection as authenticated) may make
-- temporary tables, types, functions and operators. None of them gets between Tidemark and what it names.
begin;
\ir ../helpers.psql
select plan(7);

create table public.shadowed (id uuid primary key, user_id uuid not null default auth.uid(), note text);
select pg_temp.add_own_table('public.shadowed');
create temp table caught (who text, what text);
grant all on caught to public;

select pg_temp.sign_in('a');

-- As the attacker.
create function pg_temp.note(what text) returns boolean language plpgsql as $$
begin
  insert into pg_temp.caught values (current_user, what);
  return true;
end
$$;
create domain pg_temp.uuid as pg_catalog.uuid check (pg_temp.note('uuid'));
create domain pg_temp.text as pg_catalog.text check (pg_temp.note('text'));
create domain pg_temp.jsonb as pg_catalog.jsonb check (pg_temp.note('jsonb'));
create domain pg_temp.xid8 as pg_catalog.xid8 check (pg_temp.note('xid8'));
create domain pg_temp.timestamptz as pg_catalog.timestamptz check (pg_temp.note('timestamptz'));
create domain pg_temp.pg_snapshot as pg_catalog.pg_snapshot check (pg_temp.note('pg_snapshot'));
create temp table sync_changes (id int);
create temp table sync_devices (id int);
create temp table live_tables (id int);
create temp table settings (id int);
create temp table pg_class (id int);
create temp table shadowed (id int);
create function pg_temp.uid() returns pg_catalog.uuid language sql as $$ select pg_temp.user_id('b')::pg_catalog.uuid $$;
create function pg_temp.my_scopes() returns pg_catalog.text[] language sql as $$ select '{user:00000000-0000-4000-8000-00000000000b}'::pg_catalog.text[] $$;
select set_config('search_path', 'pg_temp, public, extensions', true);
discard plans;

select is(
  public.sync_push('00000000-0000-4000-8000-0000000000d1', '[{"seq": 1, "table": "shadowed", "op": "put", "id": "00000000-0000-4000-8000-000000000001", "base": null, "data": {"note": "mine"}}]')
    #>> '{results,0,status}', 'applied', 'a push works, whatever the session has made'
);
select is(
  public.sync_pull('00000000-0000-4000-8000-0000000000d1') #>> '{changes,0,upsert,0,note}', 'mine', 'and a pull'
);
select lives_ok('select public.sync_devices(), public.sync_status(), public.sync_conflicts(), public.sync_verify()', 'and the others');
select lives_ok('insert into public.shadowed (id) values (''00000000-0000-4000-8000-000000000002'')', 'and capture');
select lives_ok('delete from public.shadowed where id = ''00000000-0000-4000-8000-000000000002''', 'and a delete');

reset role;
select is_empty($$ select who, what from caught where who <> 'authenticated' $$, 'nothing of the session ran with the rights of another');
select is(
  (select array_agg(distinct c.user_id) from pg_temp.log_of('shadowed') c),
  array[pg_temp.user_id('a')::pg_catalog.uuid], 'and the log says who it was'
);

select * from finish();
rollback;
