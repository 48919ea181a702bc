-- Every grant and policy of Tidemark, on one page. Postgres lets everybody execute a new function, and
-- Supabase's defaults grant the API roles all on new objects of schema public: both are taken back
-- first, so that what is not named below cannot be called. supabase/tests/access checks every object.

revoke all on schema tidemark from public;
revoke all on all tables in schema tidemark from public, anon, authenticated, service_role;
revoke all on all sequences in schema tidemark from public, anon, authenticated, service_role;
revoke all on all routines in schema tidemark from public, anon, authenticated, service_role;
revoke all on function
  public.sync_push(uuid, json, json),
  public.sync_pull(uuid, json, json),
  public.sync_register_device(uuid, json),
  public.sync_devices(),
  public.sync_revoke_device(uuid),
  public.sync_conflicts(),
  public.sync_resolve(uuid, json),
  public.sync_verify(text[]),
  public.sync_verify_range(text, text, text),
  public.sync_rows(text, text[], json),
  public.sync_new_ids(text, int),
  public.sync_status()
from public, anon, authenticated, service_role;

-- The tables are closed: the security definer functions below read and write them as their owner. A policy keeps out
-- every other role, even one that was given a grant by mistake.
alter table tidemark.settings enable row level security;
alter table tidemark.sync_tables enable row level security;
alter table tidemark.sync_scopes enable row level security;
alter table tidemark.sync_changes enable row level security;
alter table tidemark.sync_devices enable row level security;
alter table tidemark.sync_conflicts enable row level security;
alter table tidemark.deleting enable row level security;
alter table tidemark.purging enable row level security;

create policy "closed to everybody but the owner" on tidemark.settings using (false) with check (false);
create policy "closed to everybody but the owner" on tidemark.sync_tables using (false) with check (false);
create policy "closed to everybody but the owner" on tidemark.sync_scopes using (false) with check (false);
create policy "closed to everybody but the owner" on tidemark.sync_changes using (false) with check (false);
create policy "closed to everybody but the owner" on tidemark.sync_devices using (false) with check (false);
create policy "closed to everybody but the owner" on tidemark.sync_conflicts using (false) with check (false);
create policy "closed to everybody but the owner" on tidemark.deleting using (false) with check (false);
create policy "closed to everybody but the owner" on tidemark.purging using (false) with check (false);

-- Signed-in users: the RPCs, ...
grant execute on function
  public.sync_push(uuid, json, json),
  public.sync_pull(uuid, json, json),
  public.sync_register_device(uuid, json),
  public.sync_devices(),
  public.sync_revoke_device(uuid),
  public.sync_conflicts(),
  public.sync_resolve(uuid, json),
  public.sync_verify(text[]),
  public.sync_verify_range(text, text, text),
  public.sync_rows(text, text[], json),
  public.sync_new_ids(text, int),
  public.sync_status()
to authenticated;

-- ... and what push and pull, which run as the caller, are made of. The schema is not exposed through
-- the API. Those that are security definer answer only about the caller's own scopes and device.
grant usage on schema tidemark to authenticated;
grant execute on function
  tidemark.raise_api_error(int, text, text, text),
  tidemark.require_user(),
  tidemark.require_protocol(json),
  tidemark.require_device(uuid),
  tidemark.wants_exact(json),
  tidemark.my_keys(text),
  tidemark.my_scopes(),
  tidemark.table_ranks(),
  tidemark.table_by_no(int),
  tidemark.table_names(),
  tidemark.scope_expression(tidemark.live_tables),
  tidemark.in_my_scopes(tidemark.live_tables),
  tidemark.pulled_columns(oid, boolean),
  -- pull
  tidemark.snapshot_now(),
  tidemark.seen_by_all(pg_snapshot[]),
  tidemark.epoch(),
  tidemark.cursor_is_lost(text, pg_snapshot, pg_snapshot, timestamptz, int[]),
  tidemark.moves_between_scopes(pg_snapshot, pg_snapshot),
  tidemark.page_limit(json),
  tidemark.text_array(json, text),
  tidemark.tables_by_name(text[], text),
  tidemark.tables_to_pull(text[], text),
  tidemark.is_gone(oid),
  tidemark.base_type(oid),
  tidemark.log_page(pg_snapshot, pg_snapshot, xid8, bigint, int[], int),
  tidemark.read_rows(int, text[], text[], boolean),
  tidemark.read_entries(int[], int[], text[], text[], boolean),
  tidemark.read_pages(jsonb, int, boolean),
  tidemark.count_rows(int[]),
  -- conflicts
  tidemark.merge_sets(jsonb, jsonb, jsonb),
  tidemark.merge_deep(jsonb, jsonb, jsonb, boolean),
  tidemark.resolve_column(text, jsonb, jsonb, jsonb, boolean, boolean),
  tidemark.is_overruled(text, jsonb, jsonb, jsonb, jsonb),
  tidemark.function_name(text),
  tidemark.last_change(int, text, uuid),
  tidemark.park_conflict(int, text, uuid, bigint, text, text[], jsonb, jsonb, jsonb, bigint, timestamptz),
  tidemark.open_conflicts(),
  tidemark.decided_conflict(uuid, text, jsonb),
  tidemark.close_conflict(uuid, text, jsonb),
  tidemark.notification_resolver(jsonb, jsonb, jsonb, jsonb),
  tidemark.project_resolver(jsonb, jsonb, jsonb, jsonb),
  tidemark.settings_resolver(jsonb, jsonb, jsonb, jsonb),
  -- realtime
  tidemark.may_listen(text),
  -- verification
  tidemark.verify_table(int, text[]),
  -- push
  tidemark.check_batch(json),
  tidemark.read_list(json, int, interval),
  tidemark.read_mutations(json, int, interval),
  tidemark.check_sequence(tidemark.mutation[]),
  tidemark.lock_device(uuid),
  tidemark.finish_push(uuid, bigint, jsonb, jsonb, jsonb),
  tidemark.lock_rows(int, text[]),
  tidemark.changed_since(int, text[], bigint[], bigint[], uuid, timestamptz[]),
  tidemark.is_never_null(oid),
  tidemark.push_targets(int[]),
  tidemark.refuse_columns(text[], text[]),
  tidemark.comparisons(tidemark.push_target),
  tidemark.refuse_orphans(int, text[], jsonb[]),
  tidemark.set_push_context(uuid, tidemark.mutation[]),
  tidemark.current_rows(tidemark.live_tables, text[], boolean),
  tidemark.row_states(tidemark.live_tables, text[]),
  tidemark.find_rows(tidemark.push_target, tidemark.mutation[]),
  tidemark.detect_restored_versions(tidemark.push_target, tidemark.edit[], uuid),
  tidemark.insert_rows(tidemark.push_target, tidemark.mutation[], boolean),
  tidemark.merge_edits(tidemark.push_target, tidemark.edit[], uuid),
  tidemark.settle_edits(tidemark.push_target, tidemark.edit[], uuid),
  tidemark.copy_row(tidemark.push_target, jsonb, tidemark.edit),
  tidemark.resolve_delete(tidemark.live_tables, tidemark.edit, jsonb, uuid),
  tidemark.edit_rows(tidemark.push_target, tidemark.mutation[], uuid, boolean),
  tidemark.delete_rows(tidemark.push_target, tidemark.mutation[], uuid, boolean),
  tidemark.apply_all(uuid, tidemark.mutation[], tidemark.push_target[], boolean),
  tidemark.check_deferred(),
  tidemark.apply_mutations(uuid, tidemark.mutation[], tidemark.push_target[], boolean),
  tidemark.apply_batch(uuid, tidemark.mutation[], boolean),
  tidemark.remember_batch(jsonb, text, bigint, bigint, bigint),
  tidemark.repeat_answers(tidemark.mutation[], jsonb, boolean),
  tidemark.rejection(int, text, text, text, text, text, text, text, text)
to authenticated;

-- Members listen to the pokes of their scopes: a policy on a table of Realtime's, where there is one.
select tidemark.enable_realtime();
