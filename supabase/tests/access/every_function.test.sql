-- Every function of Tidemark, those to come as well: how it runs and who may call it. What is listed here is the
-- whole surface; a function that is on no list is callable by its owner alone.
begin;
\ir ../helpers.psql
select plan(13);

create temp table expected (who text, signature regprocedure primary key);
-- The API.
insert into expected
select 'public', s::regprocedure from unnest(array[
  'public.sync_push(uuid, json, json)',
  'public.sync_pull(uuid, json, json)',
  'public.sync_register_device(uuid, json)',
  'public.sync_devices()',
  'public.sync_revoke_device(uuid)',
  'public.sync_conflicts()',
  'public.sync_resolve(uuid, json)',
  'public.sync_verify(text[])',
  'public.sync_verify_range(text, text, text)',
  'public.sync_rows(text, text[], json)',
  'public.sync_new_ids(text, int)',
  'public.sync_status()'
]) s;
-- Its parts that run as the caller.
insert into expected
select 'invoker', s::regprocedure from unnest(array[
  'tidemark.set_push_context(uuid, tidemark.mutation[])',
  'tidemark.apply_all(uuid, tidemark.mutation[], tidemark.push_target[], boolean)',
  'tidemark.apply_batch(uuid, tidemark.mutation[], boolean)',
  'tidemark.apply_mutations(uuid, tidemark.mutation[], tidemark.push_target[], boolean)',
  'tidemark.base_type(oid)',
  'tidemark.check_deferred()',
  'tidemark.check_sequence(tidemark.mutation[])',
  'tidemark.comparisons(tidemark.push_target)',
  'tidemark.copy_row(tidemark.push_target, jsonb, tidemark.edit)',
  'tidemark.count_rows(integer[])',
  'tidemark.current_rows(tidemark.live_tables, text[], boolean)',
  'tidemark.delete_rows(tidemark.push_target, tidemark.mutation[], uuid, boolean)',
  'tidemark.detect_restored_versions(tidemark.push_target, tidemark.edit[], uuid)',
  'tidemark.edit_rows(tidemark.push_target, tidemark.mutation[], uuid, boolean)',
  'tidemark.find_rows(tidemark.push_target, tidemark.mutation[])',
  'tidemark.function_name(text)',
  'tidemark.in_my_scopes(tidemark.live_tables)',
  'tidemark.insert_rows(tidemark.push_target, tidemark.mutation[], boolean)',
  'tidemark.is_gone(oid)',
  'tidemark.is_never_null(oid)',
  'tidemark.is_overruled(text, jsonb, jsonb, jsonb, jsonb)',
  'tidemark.resolve_delete(tidemark.live_tables, tidemark.edit, jsonb, uuid)',
  'tidemark.may_listen(text)',
  'tidemark.merge_deep(jsonb, jsonb, jsonb, boolean)',
  'tidemark.merge_edits(tidemark.push_target, tidemark.edit[], uuid)',
  'tidemark.merge_sets(jsonb, jsonb, jsonb)',
  'tidemark.notification_resolver(jsonb, jsonb, jsonb, jsonb)',
  'tidemark.project_resolver(jsonb, jsonb, jsonb, jsonb)',
  'tidemark.pulled_columns(oid, boolean)',
  'tidemark.push_targets(integer[])',
  'tidemark.read_entries(integer[], integer[], text[], text[], boolean)',
  'tidemark.read_mutations(json, integer, interval)',
  'tidemark.read_pages(jsonb, integer, boolean)',
  'tidemark.read_rows(integer, text[], text[], boolean)',
  'tidemark.raise_api_error(integer, text, text, text)',
  'tidemark.rejection(integer, text, text, text, text, text, text, text, text)',
  'tidemark.remember_batch(jsonb, text, bigint, bigint, bigint)',
  'tidemark.repeat_answers(tidemark.mutation[], jsonb, boolean)',
  'tidemark.require_user()',
  'tidemark.refuse_columns(text[], text[])',
  'tidemark.resolve_column(text, jsonb, jsonb, jsonb, boolean, boolean)',
  'tidemark.row_states(tidemark.live_tables, text[])',
  'tidemark.scope_expression(tidemark.live_tables)',
  'tidemark.seen_by_all(pg_snapshot[])',
  'tidemark.settings_resolver(jsonb, jsonb, jsonb, jsonb)',
  'tidemark.settle_edits(tidemark.push_target, tidemark.edit[], uuid)',
  'tidemark.snapshot_now()',
  'tidemark.tables_to_pull(text[], text)',
  'tidemark.text_array(json, text)',
  'tidemark.verify_table(integer, text[])',
  'tidemark.wants_exact(json)'
]) s;
-- Its parts that run as their owner: they read the registry, the settings, the log or the caller's own device, and
-- answer only about the caller's own scopes and device.
insert into expected
select 'definer', s::regprocedure from unnest(array[
  'tidemark.changed_since(integer, text[], bigint[], bigint[], uuid, timestamp with time zone[])',
  'tidemark.check_batch(json)',
  'tidemark.close_conflict(uuid, text, jsonb)',
  'tidemark.cursor_is_lost(text, pg_snapshot, pg_snapshot, timestamptz, integer[])',
  'tidemark.decided_conflict(uuid, text, jsonb)',
  'tidemark.epoch()',
  'tidemark.finish_push(uuid, bigint, jsonb, jsonb, jsonb)',
  'tidemark.last_change(integer, text, uuid)',
  'tidemark.lock_device(uuid)',
  'tidemark.lock_rows(integer, text[])',
  'tidemark.log_page(pg_snapshot, pg_snapshot, xid8, bigint, integer[], integer)',
  'tidemark.moves_between_scopes(pg_snapshot, pg_snapshot)',
  'tidemark.my_keys(text)',
  'tidemark.my_scopes()',
  'tidemark.open_conflicts()',
  'tidemark.page_limit(json)',
  'tidemark.park_conflict(integer, text, uuid, bigint, text, text[], jsonb, jsonb, jsonb, bigint, timestamptz)',
  'tidemark.read_list(json, integer, interval)',
  'tidemark.refuse_orphans(integer, text[], jsonb[])',
  'tidemark.require_device(uuid)',
  'tidemark.require_protocol(json)',
  'tidemark.table_by_no(integer)',
  'tidemark.table_names()',
  'tidemark.table_ranks()',
  'tidemark.tables_by_name(text[], text)'
]) s;
-- Security definer that no role may call: triggers, which write what the writer of a row may not.
insert into expected
select 'trigger', s::regprocedure from unnest(array[
  'tidemark.collect_delete()',
  'tidemark.delete_collected()',
  'tidemark.log_insert()',
  'tidemark.log_members()',
  'tidemark.log_update()',
  'tidemark.poke()',
  'tidemark.stamp_update()'
]) s;

-- Those in whose statements the app's triggers, policies and functions run: with the path of a request.
create temp table meets_the_app as
select s::regprocedure as signature from unnest(array[
  'tidemark.add_table(regclass, text, text, jsonb)',
  'tidemark.bury(oid, text[])',
  'tidemark.check_deferred()',
  'tidemark.count_rows(integer[])',
  'tidemark.current_rows(tidemark.live_tables, text[], boolean)',
  'tidemark.delete_rows(tidemark.push_target, tidemark.mutation[], uuid, boolean)',
  'tidemark.detect_restored_versions(tidemark.push_target, tidemark.edit[], uuid)',
  'tidemark.edit_rows(tidemark.push_target, tidemark.mutation[], uuid, boolean)',
  'tidemark.find_rows(tidemark.push_target, tidemark.mutation[])',
  'tidemark.erase(integer)',
  'tidemark.follow_foreign_keys(oid, text[], boolean)',
  'tidemark.insert_rows(tidemark.push_target, tidemark.mutation[], boolean)',
  'tidemark.resolve_delete(tidemark.live_tables, tidemark.edit, jsonb, uuid)',
  'tidemark.merge_edits(tidemark.push_target, tidemark.edit[], uuid)',
  'tidemark.purge(interval)',
  'tidemark.push_targets(integer[])',
  'tidemark.read_pages(jsonb, integer, boolean)',
  'tidemark.read_rows(integer, text[], text[], boolean)',
  'tidemark.resolve_column(text, jsonb, jsonb, jsonb, boolean, boolean)',
  'tidemark.row_states(tidemark.live_tables, text[])',
  'tidemark.settle_edits(tidemark.push_target, tidemark.edit[], uuid)',
  'tidemark.verify_table(integer, text[])'
]) s;

create temp view ours as
select p.oid, p.oid::regprocedure as signature, p.prosecdef, p.proconfig, p.proowner::regrole::text as owner, p.pronamespace::regnamespace::text as schema
from pg_proc p
where p.pronamespace = 'tidemark'::regnamespace or p.pronamespace = 'public'::regnamespace and p.proname like 'sync\_%';

select is_empty(
  $$select o.signature from ours o where o.signature not in (select m.signature from meets_the_app m)
    and ('search_path=pg_catalog, pg_temp' = any (o.proconfig)) is not true$$,
  'every function pins its search_path, with temporary objects last'
);
select set_eq(
  $$select o.signature::text collate "C" from ours o where 'search_path=pg_catalog, public, extensions, pg_temp' = any (o.proconfig)$$,
  $$select m.signature::text collate "C" from meets_the_app m$$,
  'exactly these have the schemas of a request on it'
);
select is_empty(
  $$select r.rolname, s.name from pg_roles r cross join unnest(array['public', 'extensions']) as s (name)
    where r.rolname in ('anon', 'authenticated', 'service_role', 'authenticator') and has_schema_privilege(r.rolname, s.name, 'create')$$,
  'in which no role of the API can make anything'
);
select is_empty($$select signature, owner from ours where owner <> 'postgres'$$, 'every function belongs to postgres');
select is_empty(
  $$select o.signature, r.rolname from ours o cross join pg_roles r
    where r.rolname in ('anon', 'service_role', 'authenticator') and has_function_privilege(r.rolname, o.oid, 'execute')$$,
  'anon, the service role and the authenticator may execute nothing'
);
select is_empty(
  $$select o.signature from ours o join pg_proc p on p.oid = o.oid
    where p.proacl is null or exists (select from aclexplode(p.proacl) a where a.grantee = 0)$$,
  'nothing is granted to everybody'
);
select is_empty(
  $$select o.signature, a.grantee::regrole from ours o join pg_proc p on p.oid = o.oid cross join aclexplode(p.proacl) a
    where a.grantee <> p.proowner and a.grantee <> 'authenticated'::regrole$$,
  'execute is granted to signed-in users alone'
);
select is_empty(
  $$select a.grantor from ours o join pg_proc p on p.oid = o.oid cross join aclexplode(p.proacl) a where a.is_grantable and a.grantee <> p.proowner$$,
  'who may not pass it on'
);
select set_eq(
  $$select o.signature::text collate "C" from ours o where o.schema = 'public' and has_function_privilege('authenticated', o.oid, 'execute')$$,
  $$select e.signature::text collate "C" from expected e where e.who = 'public'$$,
  'signed-in users may call exactly these functions of the API'
);
select set_eq(
  $$select o.signature::text collate "C" from ours o where o.schema = 'tidemark' and has_function_privilege('authenticated', o.oid, 'execute')$$,
  $$select e.signature::text collate "C" from expected e where e.who in ('invoker', 'definer')$$,
  'and exactly these parts of it'
);
select set_eq(
  $$select o.signature::text collate "C" from ours o where o.prosecdef$$,
  $$select e.signature::text collate "C" from expected e where e.who in ('definer', 'trigger')
    union select s::regprocedure::text collate "C" from unnest(array[
      'public.sync_register_device(uuid, json)', 'public.sync_devices()', 'public.sync_revoke_device(uuid)', 'public.sync_status()',
      'public.sync_new_ids(text, int)']) s$$,
  'exactly these run with the rights of their owner'
);
select is_empty(
  $$select o.signature from ours o join pg_proc p on p.oid = o.oid
    where o.schema = 'public' and obj_description(o.oid, 'pg_proc') is null$$,
  'every function of the API has a comment'
);
select is_empty(
  $$select o.signature from ours o join pg_proc p on p.oid = o.oid join pg_language l on l.oid = p.prolang where l.lanname not in ('sql', 'plpgsql')$$,
  'none is written in another language'
);

select * from finish();
rollback;
