-- Every policy in every situation: two devices of one user, who edit, delete or create the same row unaware of each other.
begin;
\ir ../helpers.psql
select plan(70);

-- Both sides of a column in one value, and an edit beats a delete.
create function public.both_sides(server jsonb, client jsonb, old jsonb, context jsonb) returns jsonb
language sql
as $$
  select case when client is null then server
    else jsonb_build_object('name', (server ->> 'name') || '+' || (client ->> 'name'), 'phone', (server ->> 'phone') || '+' || (client ->> 'phone')) end
$$;

-- One table a policy, all alike.
do $$
declare
  policy text;
begin
  foreach policy in array array['last_write_wins', 'client_wins', 'server_wins', 'merge', 'keep_both', 'manual', 'function:public.both_sides'] loop
    execute format('create table public.%I (id uuid primary key, user_id uuid not null default auth.uid(), name text, phone text)', policy);
    perform pg_temp.add_own_table(format('public.%I', policy)::regclass, policy);
  end loop;
end
$$;

-- What device 1 has done when the edit of device 2, which knows nothing of it, arrives; then what
-- became of device 2's edit: its status, the row, lost columns, and what else there is.
create function pg_temp.outcome(policy text, situation text, age text) returns jsonb
language plpgsql
as $$
declare
  row_id uuid := gen_random_uuid();
  mutation jsonb := jsonb_build_object('table', policy, 'id', row_id);
  theirs jsonb := mutation || jsonb_build_object('base', 1, 'edited_at', now() - interval '10 minutes');
  ours jsonb := mutation || jsonb_build_object('base', 1,
    'edited_at', now() - case age when 'older' then interval '20 minutes' else interval '5 minutes' end);
  answer jsonb;
  stored jsonb;
  copy jsonb;
begin
  if situation <> 'insert/insert' then
    perform pg_temp.push_one(0, mutation || '{"op": "put", "data": {"name": "base", "phone": "base"}}');
  end if;
  perform pg_temp.push_one(1, theirs || case situation
    when 'delete/update' then '{"op": "delete"}'
    when 'insert/insert' then '{"op": "put", "base": null, "data": {"name": "theirs", "phone": "theirs"}}'
    else '{"op": "patch", "data": {"name": "theirs"}}' end::jsonb);
  answer := pg_temp.push_one(2, ours || case situation
    when 'update/delete' then '{"op": "delete"}'
    when 'insert/insert' then '{"op": "put", "base": null, "data": {"name": "ours", "phone": "ours"}}'
    when 'different columns' then '{"op": "patch", "data": {"phone": "ours"}}'
    else '{"op": "patch", "data": {"name": "ours"}}' end::jsonb);
  execute format('select to_jsonb(t) from public.%I t where id = $1', policy) into stored using row_id;
  execute format('select to_jsonb(t) from public.%I t where id = $1', policy) into copy using (answer ->> 'copy_id')::uuid;
  return jsonb_strip_nulls(jsonb_build_object(
    'status', answer ->> 'status',
    'code', answer #>> '{error,code}',
    'name', case when stored ->> 'deleted_at' is null then stored ->> 'name' else '(deleted)' end,
    'phone', stored ->> 'phone',
    'lost', answer -> 'lost',
    'copy', (copy ->> 'name') || '/' || (copy ->> 'phone'),
    'waiting', (select to_jsonb(k.columns) from tidemark.sync_conflicts k
      where k.conflict_id = (answer ->> 'conflict_id')::uuid and k.resolved_at is null)
  ));
end
$$;

select is(
  pg_temp.outcome(c.policy, c.situation, c.age),
  c.expected::jsonb,
  format('%s, %s, device''s edit is %s', c.policy, c.situation, c.age)
)
from (values
  -- the newer edit stays, by the time of editing, not of arriving
  ('last_write_wins', 'same column', 'newer', '{"status": "merged", "name": "ours", "phone": "base"}'),
  ('last_write_wins', 'same column', 'older', '{"status": "conflict", "name": "theirs", "phone": "base", "lost": ["name"]}'),
  ('last_write_wins', 'different columns', 'newer', '{"status": "merged", "name": "theirs", "phone": "ours"}'),
  ('last_write_wins', 'different columns', 'older', '{"status": "merged", "name": "theirs", "phone": "ours"}'),
  ('last_write_wins', 'update/delete', 'newer', '{"status": "applied", "name": "(deleted)", "phone": "base"}'),
  ('last_write_wins', 'update/delete', 'older', '{"status": "conflict", "name": "theirs", "phone": "base", "lost": []}'),
  ('last_write_wins', 'delete/update', 'newer', '{"status": "rejected", "code": "gone", "name": "(deleted)", "phone": "base"}'),
  ('last_write_wins', 'delete/update', 'older', '{"status": "rejected", "code": "gone", "name": "(deleted)", "phone": "base"}'),
  ('last_write_wins', 'insert/insert', 'newer', '{"status": "merged", "name": "ours", "phone": "ours"}'),
  ('last_write_wins', 'insert/insert', 'older', '{"status": "conflict", "name": "theirs", "phone": "theirs", "lost": ["name", "phone"]}'),
  ('client_wins', 'same column', 'newer', '{"status": "merged", "name": "ours", "phone": "base"}'),
  ('client_wins', 'same column', 'older', '{"status": "merged", "name": "ours", "phone": "base"}'),
  ('client_wins', 'different columns', 'newer', '{"status": "merged", "name": "theirs", "phone": "ours"}'),
  ('client_wins', 'different columns', 'older', '{"status": "merged", "name": "theirs", "phone": "ours"}'),
  ('client_wins', 'update/delete', 'newer', '{"status": "applied", "name": "(deleted)", "phone": "base"}'),
  ('client_wins', 'update/delete', 'older', '{"status": "applied", "name": "(deleted)", "phone": "base"}'),
  ('client_wins', 'delete/update', 'newer', '{"status": "rejected", "code": "gone", "name": "(deleted)", "phone": "base"}'),
  ('client_wins', 'delete/update', 'older', '{"status": "rejected", "code": "gone", "name": "(deleted)", "phone": "base"}'),
  ('client_wins', 'insert/insert', 'newer', '{"status": "merged", "name": "ours", "phone": "ours"}'),
  ('client_wins', 'insert/insert', 'older', '{"status": "merged", "name": "ours", "phone": "ours"}'),
  ('server_wins', 'same column', 'newer', '{"status": "conflict", "name": "theirs", "phone": "base", "lost": ["name"]}'),
  ('server_wins', 'same column', 'older', '{"status": "conflict", "name": "theirs", "phone": "base", "lost": ["name"]}'),
  ('server_wins', 'different columns', 'newer', '{"status": "merged", "name": "theirs", "phone": "ours"}'),
  ('server_wins', 'different columns', 'older', '{"status": "merged", "name": "theirs", "phone": "ours"}'),
  ('server_wins', 'update/delete', 'newer', '{"status": "conflict", "name": "theirs", "phone": "base", "lost": []}'),
  ('server_wins', 'update/delete', 'older', '{"status": "conflict", "name": "theirs", "phone": "base", "lost": []}'),
  ('server_wins', 'delete/update', 'newer', '{"status": "rejected", "code": "gone", "name": "(deleted)", "phone": "base"}'),
  ('server_wins', 'delete/update', 'older', '{"status": "rejected", "code": "gone", "name": "(deleted)", "phone": "base"}'),
  ('server_wins', 'insert/insert', 'newer', '{"status": "conflict", "name": "theirs", "phone": "theirs", "lost": ["name", "phone"]}'),
  ('server_wins', 'insert/insert', 'older', '{"status": "conflict", "name": "theirs", "phone": "theirs", "lost": ["name", "phone"]}'),
  -- single values by age; an edit is never lost to a delete that did not know of it
  ('merge', 'same column', 'newer', '{"status": "merged", "name": "ours", "phone": "base"}'),
  ('merge', 'same column', 'older', '{"status": "conflict", "name": "theirs", "phone": "base", "lost": ["name"]}'),
  ('merge', 'different columns', 'newer', '{"status": "merged", "name": "theirs", "phone": "ours"}'),
  ('merge', 'different columns', 'older', '{"status": "merged", "name": "theirs", "phone": "ours"}'),
  ('merge', 'update/delete', 'newer', '{"status": "conflict", "name": "theirs", "phone": "base", "lost": []}'),
  ('merge', 'update/delete', 'older', '{"status": "conflict", "name": "theirs", "phone": "base", "lost": []}'),
  ('merge', 'delete/update', 'newer', '{"status": "rejected", "code": "gone", "name": "(deleted)", "phone": "base"}'),
  ('merge', 'delete/update', 'older', '{"status": "rejected", "code": "gone", "name": "(deleted)", "phone": "base"}'),
  ('merge', 'insert/insert', 'newer', '{"status": "merged", "name": "ours", "phone": "ours"}'),
  ('merge', 'insert/insert', 'older', '{"status": "conflict", "name": "theirs", "phone": "theirs", "lost": ["name", "phone"]}'),
  -- the row stays, the edit becomes a row of its own
  ('keep_both', 'same column', 'newer', '{"status": "conflict", "name": "theirs", "phone": "base", "copy": "ours/base"}'),
  ('keep_both', 'same column', 'older', '{"status": "conflict", "name": "theirs", "phone": "base", "copy": "ours/base"}'),
  ('keep_both', 'different columns', 'newer', '{"status": "merged", "name": "theirs", "phone": "ours"}'),
  ('keep_both', 'different columns', 'older', '{"status": "merged", "name": "theirs", "phone": "ours"}'),
  ('keep_both', 'update/delete', 'newer', '{"status": "conflict", "name": "theirs", "phone": "base", "lost": []}'),
  ('keep_both', 'update/delete', 'older', '{"status": "conflict", "name": "theirs", "phone": "base", "lost": []}'),
  ('keep_both', 'delete/update', 'newer', '{"status": "rejected", "code": "gone", "name": "(deleted)", "phone": "base"}'),
  ('keep_both', 'delete/update', 'older', '{"status": "rejected", "code": "gone", "name": "(deleted)", "phone": "base"}'),
  ('keep_both', 'insert/insert', 'newer', '{"status": "conflict", "name": "theirs", "phone": "theirs", "copy": "ours/ours"}'),
  ('keep_both', 'insert/insert', 'older', '{"status": "conflict", "name": "theirs", "phone": "theirs", "copy": "ours/ours"}'),
  -- the row stays, the edit waits for a person
  ('manual', 'same column', 'newer', '{"status": "conflict", "name": "theirs", "phone": "base", "waiting": ["name"]}'),
  ('manual', 'same column', 'older', '{"status": "conflict", "name": "theirs", "phone": "base", "waiting": ["name"]}'),
  ('manual', 'different columns', 'newer', '{"status": "merged", "name": "theirs", "phone": "ours"}'),
  ('manual', 'different columns', 'older', '{"status": "merged", "name": "theirs", "phone": "ours"}'),
  ('manual', 'update/delete', 'newer', '{"status": "conflict", "name": "theirs", "phone": "base", "lost": [], "waiting": []}'),
  ('manual', 'update/delete', 'older', '{"status": "conflict", "name": "theirs", "phone": "base", "lost": [], "waiting": []}'),
  ('manual', 'delete/update', 'newer', '{"status": "rejected", "code": "gone", "name": "(deleted)", "phone": "base"}'),
  ('manual', 'delete/update', 'older', '{"status": "rejected", "code": "gone", "name": "(deleted)", "phone": "base"}'),
  ('manual', 'insert/insert', 'newer', '{"status": "conflict", "name": "theirs", "phone": "theirs", "waiting": ["name", "phone"]}'),
  ('manual', 'insert/insert', 'older', '{"status": "conflict", "name": "theirs", "phone": "theirs", "waiting": ["name", "phone"]}'),
  -- whatever the function says
  ('function:public.both_sides', 'same column', 'newer', '{"status": "merged", "name": "theirs+ours", "phone": "base"}'),
  ('function:public.both_sides', 'same column', 'older', '{"status": "merged", "name": "theirs+ours", "phone": "base"}'),
  ('function:public.both_sides', 'different columns', 'newer', '{"status": "merged", "name": "theirs", "phone": "ours"}'),
  ('function:public.both_sides', 'different columns', 'older', '{"status": "merged", "name": "theirs", "phone": "ours"}'),
  ('function:public.both_sides', 'update/delete', 'newer', '{"status": "conflict", "name": "theirs", "phone": "base", "lost": []}'),
  ('function:public.both_sides', 'update/delete', 'older', '{"status": "conflict", "name": "theirs", "phone": "base", "lost": []}'),
  ('function:public.both_sides', 'delete/update', 'newer', '{"status": "rejected", "code": "gone", "name": "(deleted)", "phone": "base"}'),
  ('function:public.both_sides', 'delete/update', 'older', '{"status": "rejected", "code": "gone", "name": "(deleted)", "phone": "base"}'),
  ('function:public.both_sides', 'insert/insert', 'newer', '{"status": "merged", "name": "theirs+ours", "phone": "theirs+ours"}'),
  ('function:public.both_sides', 'insert/insert', 'older', '{"status": "merged", "name": "theirs+ours", "phone": "theirs+ours"}')
) as c (policy, situation, age, expected);

select * from finish();
rollback;
