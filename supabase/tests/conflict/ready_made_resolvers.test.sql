-- The functions that come along: for notifications, projects and settings.
begin;
select plan(14);

create table public.notices (id uuid primary key, user_id uuid not null default auth.uid(), title text, read boolean, read_at timestamptz, status text);
create table public.projects_of_mine (id uuid primary key, user_id uuid not null default auth.uid(), title text, tags text[], meta jsonb);
create table public.settings_of_mine (id uuid primary key, user_id uuid not null default auth.uid(), theme text, options jsonb);
do $$
declare
  t text;
begin
  foreach t in array array['notices', 'projects_of_mine', 'settings_of_mine'] loop
    execute format('alter table public.%I enable row level security', t);
    execute format('grant select, insert, update, delete on public.%I to authenticated', t);
    execute format('create policy "own rows" on public.%I to authenticated using (user_id = (select auth.uid()))', t);
  end loop;
end
$$;
select tidemark.add_table('public.notices', 'user:user_id', 'function:tidemark.notification_resolver');
select tidemark.add_table('public.projects_of_mine', 'user:user_id', 'function:tidemark.project_resolver');
select tidemark.add_table('public.settings_of_mine', 'user:user_id', 'function:tidemark.settings_resolver');

-- A mutation as the signed-in user: {table, op, id, base, …} in, its result out.
create temp sequence seq;
create function pg_temp.push(device text, mutation jsonb, options json default '{}') returns jsonb
language plpgsql
as $$
declare
  numbered json := jsonb_build_array(mutation || jsonb_build_object('seq', nextval('pg_temp.seq')));
  answer jsonb;
begin
  perform set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true),
    set_config('role', 'authenticated', true);
  answer := public.sync_push(format('00000000-0000-4000-8000-0000000000d%s', device)::uuid, numbered, options) -> 'results' -> 0;
  perform set_config('role', 'postgres', true);
  return answer;
end
$$;

-- The row as it ends up when device 1 wrote theirs and device 2, from the same version, ours; null is a delete.
create function pg_temp.ends_as(name text, before jsonb, theirs jsonb, ours jsonb, age text) returns jsonb
language plpgsql
as $$
declare
  mutation jsonb := jsonb_build_object('table', name, 'id', gen_random_uuid());
  stored jsonb;
begin
  perform pg_temp.push('0', mutation || jsonb_build_object('op', 'put', 'data', before));
  perform pg_temp.push('1', mutation || jsonb_build_object('op', 'patch', 'base', 1, 'edited_at', now() - interval '10 minutes', 'data', theirs));
  perform pg_temp.push('2', mutation || jsonb_build_object('base', 1,
      'edited_at', now() - case age when 'older' then interval '20 minutes' else interval '5 minutes' end)
    || case when ours is null then '{"op": "delete"}' else jsonb_build_object('op', 'patch', 'data', ours, 'old', before) end);
  execute format('select to_jsonb(t) from public.%I t where id = $1', name) into stored using (mutation ->> 'id')::uuid;
  return case when stored ->> 'deleted_at' is not null then '"deleted"'
    else jsonb_strip_nulls(stored - '{id,user_id,version,updated_at,deleted_at}'::text[]) end;
end
$$;

select is(
  pg_temp.ends_as(c.name, c.before::jsonb, c.theirs::jsonb, c.ours::jsonb, c.age),
  c.expected::jsonb,
  c.description
)
from (values
  ('notifications: read on one device stays read, whatever a newer edit says', 'notices', '{"read": null}', '{"read": true}', '{"read": false}', 'newer', '{"read": true}'),
  ('notifications: an older reading counts too', 'notices', '{"read": null}', '{"read": false}', '{"read": true}', 'older', '{"read": true}'),
  ('notifications: unread on both sides is unread', 'notices', '{"read": true}', '{"read": false}', '{"read": null}', 'newer', '{"read": false}'),
  ('notifications: status read wins', 'notices', '{"status": "new"}', '{"status": "read"}', '{"status": "seen"}', 'newer', '{"status": "read"}'),
  ('notifications: the first reading dates it', 'notices', '{}', '{"read_at": "2026-01-01T10:00:00+00:00"}', '{"read_at": "2026-01-01T12:00:00+00:00"}', 'newer', '{"read_at": "2026-01-01T10:00:00+00:00"}'),
  ('notifications: the rest is the newer edit''s', 'notices', '{"title": "b"}', '{"title": "t"}', '{"title": "o"}', 'newer', '{"title": "o"}'),
  ('notifications: the older edit of the rest loses', 'notices', '{"title": "b"}', '{"title": "t"}', '{"title": "o"}', 'older', '{"title": "t"}'),
  ('notifications: a newer delete deletes', 'notices', '{"title": "b"}', '{"title": "t"}', null, 'newer', '"deleted"'),
  ('notifications: an older delete does not', 'notices', '{"title": "b"}', '{"title": "t"}', null, 'older', '{"title": "t"}'),
  ('projects: lists are united, removals count', 'projects_of_mine', '{"tags": ["a", "b"]}', '{"tags": ["a", "b", "t"]}', '{"tags": ["b", "o"]}', 'older', '{"tags": ["b", "t", "o"]}'),
  ('projects: objects are merged, single values are the newer edit''s', 'projects_of_mine', '{"title": "b", "meta": {"a": 1}}', '{"title": "t", "meta": {"a": 1, "t": 1}}', '{"title": "o", "meta": {"a": 2}}', 'newer', '{"title": "o", "meta": {"a": 2, "t": 1}}'),
  ('projects: an edit beats a delete', 'projects_of_mine', '{"title": "b"}', '{"title": "t"}', null, 'newer', '{"title": "t"}'),
  ('settings: the device in hand wins, however old its edit', 'settings_of_mine', '{"theme": "b"}', '{"theme": "t"}', '{"theme": "o"}', 'older', '{"theme": "o"}'),
  ('settings: objects key by key', 'settings_of_mine', '{"options": {"a": 1, "b": 1}}', '{"options": {"a": 2, "b": 2}}', '{"options": {"a": 3, "b": 1}}', 'older', '{"options": {"a": 3, "b": 2}}')
) as c (description, name, before, theirs, ours, age, expected);

select * from finish();
rollback;
