-- The owner alone reads, writes or empties Tidemark's tables, and no role empties a synced table.
begin;
\ir ../helpers.psql
select plan(49);

create table public.guarded (id uuid primary key, user_id uuid not null default auth.uid());
select pg_temp.add_own_table('public.guarded');
insert into public.guarded values ('00000000-0000-4000-8000-000000000001', pg_temp.user_id('b'));

-- Each as anon and as a signed-in user; service_role has no way in either.
create temp table roles (role text);
insert into roles values ('anon'), ('authenticated'), ('service_role');
create function pg_temp.as_role(role text, statement text) returns text
language plpgsql
as $$
begin
  perform set_config('request.jwt.claims', json_build_object('sub', pg_temp.user_id('a'), 'role', role)::text, true);
  perform set_config('role', role, true);
  begin
    execute statement;
  exception when others then
    perform set_config('role', 'postgres', true);
    return sqlstate;
  end;
  perform set_config('role', 'postgres', true);
  return 'done';
end
$$;

select is(pg_temp.as_role(r.role, format(w.statement, c.relname)), '42501', format('%s: ' || w.statement, r.role, c.relname))
from roles r
cross join (values ('delete from tidemark.%I where true'), ('select from tidemark.%I')) as w (statement)
cross join pg_class c
where c.relnamespace = 'tidemark'::regnamespace and c.relname in ('sync_changes', 'sync_devices', 'sync_conflicts', 'sync_tables', 'settings', 'deleting', 'purging')
order by r.role, c.relname, w.statement;

select is(pg_temp.as_role(r.role, 'select tidemark.purge(interval ''0'')'), '42501', r.role || ': purge') from roles r;
select is(pg_temp.as_role('authenticated', 'select tidemark.add_table(''public.guarded'', ''public'')'), '42501', 'a user cannot change what syncs');
select is(pg_temp.as_role('authenticated', 'truncate public.guarded'), 'TM010', 'nor empty a synced table, although Supabase grants it');
select is(pg_temp.as_role('service_role', 'truncate public.guarded'), 'TM010', 'the service role neither');
select is(
  (select count(*) from public.guarded where deleted_at is null), 1::bigint, 'nothing of it changed anything'
);

select * from finish();
rollback;
