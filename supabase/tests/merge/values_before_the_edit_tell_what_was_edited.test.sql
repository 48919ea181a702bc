-- "old" says what the columns held before: what an edit did not change cannot overwrite what others did.
begin;
select plan(3);

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

create table public.priors (id uuid primary key, user_id uuid not null default auth.uid(), name text, phone text);
alter table public.priors enable row level security;
create policy "own" on public.priors using (user_id = auth.uid());
select tidemark.add_table('public.priors', 'user:user_id');
insert into public.priors select pg_temp.id(n), '00000000-0000-4000-8000-00000000000a', 'a', '1' from generate_series(1, 3) n;
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select pg_temp.push(json_build_array(
  json_build_object('seq', 1, 'table', 'priors', 'op', 'patch', 'id', pg_temp.id(1), 'base', 1, 'data', '{"name":"theirs"}'::json, 'edited_at', '2026-01-01T10:00:00Z'),
  json_build_object('seq', 2, 'table', 'priors', 'op', 'patch', 'id', pg_temp.id(2), 'base', 1, 'data', '{"name":"theirs"}'::json, 'edited_at', '2026-01-01T10:00:00Z')), device => pg_temp.device(2));
select is(
  pg_temp.push('[{"seq":1,"table":"priors","op":"put","id":"00000000-0000-4000-8000-000000000001","base":1,"data":{"name":"a","phone":"2"},"old":{"name":"a","phone":"1"},"edited_at":"2026-01-01T11:00:00Z"}]') #> '{0}' @> '{"status":"merged","row":{"name":"theirs","phone":"2"}}',
  true, 'a whole row sent back does not undo what it did not change'
);
select is(
  pg_temp.push('[{"seq":2,"table":"priors","op":"put","id":"00000000-0000-4000-8000-000000000002","base":1,"data":{"name":"mine","phone":"2"},"old":{"name":"a","phone":"1"},"edited_at":"2026-01-01T11:00:00Z"}]') #> '{0}' @> '{"status":"merged","row":{"name":"mine","phone":"2"}}',
  true, 'what it did change is decided as ever'
);
select is(
  pg_temp.said(pg_temp.push('[{"seq":3,"table":"priors","op":"patch","id":"00000000-0000-4000-8000-000000000003","base":1,"data":{"name":"x"},"old":{"nothing":"there"},"edited_at":"2026-01-01T11:00:00Z"}]')),
  'applied', 'old values of unknown columns do not matter'
);

select * from finish();
rollback;
