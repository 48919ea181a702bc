-- Two devices that edit different columns of one row both have their way, and each learns of the other's.
begin;
select plan(7);

create function pg_temp.sign_in(who uuid) returns void language sql as $$
  select set_config('role', 'authenticated', true),
    set_config('request.jwt.claims', json_build_object('sub', who, 'role', 'authenticated')::text, true)
$$;
create function pg_temp.id(n int) returns uuid language sql as $$
  select ('00000000-0000-4000-8000-' || lpad(n::text, 12, '0'))::uuid
$$;
-- Devices of this session alone: files that run side by side would wait for each other's.
create function pg_temp.device(n int) returns uuid language sql as $$
  select format('00000000-0000-4000-9000-%s%s', lpad(pg_backend_pid()::text, 9, '0'), lpad(n::text, 3, '0'))::uuid
$$;
create function pg_temp.push(mutations json, options json default '{}', device uuid default pg_temp.device(1))
returns jsonb language sql as $$
  select sync_push(device, mutations, options)::jsonb -> 'results'
$$;
create function pg_temp.said(results jsonb) returns text language sql as $$
  select string_agg(concat_ws(':', r ->> 'status', r #>> '{error,code}'), ' ' order by n)
  from jsonb_array_elements(results) with ordinality as e (r, n)
$$;

create table public.disjoint (id uuid primary key, user_id uuid not null default auth.uid(), name text, phone text, tags text[]);
alter table public.disjoint enable row level security;
create policy "own" on public.disjoint using (user_id = auth.uid());
select tidemark.add_table('public.disjoint', 'user:user_id');
insert into public.disjoint values (pg_temp.id(1), '00000000-0000-4000-8000-00000000000a', 'a', '1', '{}');

select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select pg_temp.push('[{"seq":1,"table":"disjoint","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":1,"data":{"name":"b"},"edited_at":"2026-01-01T10:00:00Z"}]', device => pg_temp.device(2));
select is(
  pg_temp.push('[{"seq":1,"table":"disjoint","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":1,"data":{"phone":"2"},"edited_at":"2026-01-01T09:00:00Z"}]') #- '{0,row,updated_at}',
  '[{"seq":1,"status":"merged","version":3,"row":{"id":"00000000-0000-4000-8000-000000000001","user_id":"00000000-0000-4000-8000-00000000000a","name":"b","phone":"2","tags":[],"version":3,"deleted_at":null}}]',
  'an earlier edit of another column is merged in, and the row comes back'
);
select is(
  pg_temp.push('[{"seq":2,"table":"disjoint","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":2,"data":{"tags":["x"]},"edited_at":"2026-01-01T09:00:00Z"}]', device => pg_temp.device(2)) #>> '{0,row,phone}',
  '2', 'the other device gets the rest with its next edit'
);
reset role;
update public.disjoint set phone = '3';
update public.disjoint set tags = '{y}';
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select is(
  pg_temp.push('[{"seq":3,"table":"disjoint","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":3,"data":{"name":"c"},"edited_at":"2026-01-01T09:00:00Z"}]') #> '{0}' @> '{"status":"merged","row":{"name":"c","phone":"3","tags":["y"]}}',
  true, 'changes made on the server merge as well, over several versions'
);
select is(
  pg_temp.push('[{"seq":4,"table":"disjoint","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":7,"data":{"name":"d"},"edited_at":"2026-01-01T09:00:00Z"}]'),
  '[{"seq":4,"status":"applied","version":8}]', 'an edit of the current version is simply applied, whatever its instant'
);
select is(
  pg_temp.push('[{"seq":5,"table":"disjoint","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":7,"data":{"phone":"4"},"edited_at":"2026-01-01T09:00:00Z"}]'),
  '[{"seq":5,"status":"applied","version":9}]', 'a device''s own edits are no news to it'
);
select is(
  pg_temp.push('[{"seq":6,"table":"disjoint","op":"put","id":"00000000-0000-4000-8000-000000000001","base":9,"data":{"name":"whole"},"edited_at":"2026-01-01T09:00:00Z"}]', device => pg_temp.device(2)) #> '{0,status}',
  '"applied"', 'a put on the current version is applied'
);
select is((select tags from public.disjoint), '{y}', 'and leaves alone what it does not name');

select * from finish();
rollback;
