-- Edits are compared by when they were made. A device's clock is corrected by the time that it sends along, and no edit is
-- dated in the future.
begin;
\ir ../helpers.psql
select plan(8);

create table public.clocked (id uuid primary key, user_id uuid not null default auth.uid(), name text);
select pg_temp.add_own_table('public.clocked');

-- Device 1 edited ten minutes ago; device 2's edit says edited_at, and its clock client_time.
create function pg_temp.name_after(edited interval, clock interval) returns text
language plpgsql
as $$
declare
  mutation jsonb := jsonb_build_object('table', 'clocked', 'id', gen_random_uuid());
begin
  perform pg_temp.push_one(0, mutation || '{"op": "put", "data": {"name": "base"}}');
  perform pg_temp.push_one(1, mutation || jsonb_build_object('op', 'patch', 'base', 1, 'data', jsonb_build_object('name', 'theirs'),
    'edited_at', now() - interval '10 minutes'));
  perform pg_temp.push_one(2, mutation || jsonb_build_object('op', 'patch', 'base', 1, 'data', jsonb_build_object('name', 'ours'),
    'edited_at', now() + edited), json_build_object('client_time', now() + clock));
  return (select name from public.clocked where id = (mutation ->> 'id')::uuid);
end
$$;

select is(pg_temp.name_after('-5 minutes', '0'), 'ours', 'a right clock: the newer edit wins');
select is(pg_temp.name_after('-15 minutes', '0'), 'theirs', 'a right clock: the older edit loses');
select is(pg_temp.name_after('-5 minutes', '1 hour'), 'theirs',
  'a clock that is an hour fast: an edit from an hour before it says does not win');
select is(pg_temp.name_after('55 minutes', '1 hour'), 'ours', 'a clock that is an hour fast: a newer edit wins');
select is(pg_temp.name_after('-1 day -5 minutes', '-1 day'), 'ours', 'a clock that is a day slow: the newer edit wins');
select is(pg_temp.name_after('-1 day -15 minutes', '-1 day'), 'theirs', 'a clock that is a day slow: the older edit loses');

-- Clamping: an edit from the future counts as made now, so that it does not win over all later ones.
select pg_temp.push_one(5, '{"table": "clocked", "op": "put", "id": "00000000-0000-4000-8000-000000000001", "data": {"name": "base"}}');
select pg_temp.push_one(5, '{"table": "clocked", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1,
  "edited_at": "2999-01-01T00:00:00Z", "data": {"name": "from the future"}}');
select is(
  (select max(edited_at) from tidemark.sync_changes where row_id = '00000000-0000-4000-8000-000000000001'),
  now(),
  'an edit dated in the future is dated now'
);
select pg_temp.push_one(6, '{"table": "clocked", "op": "patch", "id": "00000000-0000-4000-8000-000000000001", "base": 1, "data": {"name": "now"}}');
select is((select name from public.clocked where id = pg_temp.id(1)), 'now',
  'an edit without a date counts as made now');

select * from finish();
rollback;
