-- The functions that come along: for notifications, projects and settings.
begin;
\ir ../helpers.psql
select plan(14);

create table public.notices (id uuid primary key, user_id uuid not null default auth.uid(), title text, read boolean, read_at timestamptz, status text);
create table public.projects_of_mine (id uuid primary key, user_id uuid not null default auth.uid(), title text, tags text[], meta jsonb);
create table public.settings_of_mine (id uuid primary key, user_id uuid not null default auth.uid(), theme text, options jsonb);
select pg_temp.add_own_table('public.notices', 'function:tidemark.notification_resolver');
select pg_temp.add_own_table('public.projects_of_mine', 'function:tidemark.project_resolver');
select pg_temp.add_own_table('public.settings_of_mine', 'function:tidemark.settings_resolver');

-- The row as it ends up when device 1 wrote theirs and device 2, from the same version, ours; null is a delete.
create function pg_temp.ends_as(name text, before jsonb, theirs jsonb, ours jsonb, age text) returns jsonb
language plpgsql
as $$
declare
  row_id uuid := gen_random_uuid();
  stored jsonb;
begin
  perform pg_temp.conflict(name, row_id::text, before, theirs, ours, before, age);
  execute format('select to_jsonb(t) from public.%I t where id = $1', name) into stored using row_id;
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
  ('settings: the device that pushes wins, however old its edit', 'settings_of_mine', '{"theme": "b"}', '{"theme": "t"}', '{"theme": "o"}', 'older', '{"theme": "o"}'),
  ('settings: objects key by key', 'settings_of_mine', '{"options": {"a": 1, "b": 1}}', '{"options": {"a": 2, "b": 2}}', '{"options": {"a": 3, "b": 1}}', 'older', '{"options": {"a": 3, "b": 2}}')
) as c (description, name, before, theirs, ours, age, expected);

select * from finish();
rollback;
