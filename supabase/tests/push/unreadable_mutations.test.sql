-- What Postgres cannot hold or read (U+0000, 30 February, a number without end) is one mutation's fault.
begin;
select plan(8);

create function pg_temp.sign_in(who uuid) returns void language sql as $$
  select set_config('role', 'authenticated', true),
    set_config('request.jwt.claims', json_build_object('sub', who, 'role', 'authenticated')::text, true)
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

create table public.unreadable (id uuid primary key, user_id uuid not null default auth.uid(), name text, n numeric, doc jsonb);
alter table public.unreadable enable row level security;
create policy "own" on public.unreadable using (user_id = auth.uid());
select tidemark.add_table('public.unreadable', 'user:user_id');
create function pg_temp.try(mutation text) returns text language plpgsql as $$
declare
  first bigint := (sync_register_device(pg_temp.device(1)) ->> 'last_seq')::bigint + 1;
begin
  return pg_temp.said(pg_temp.push(format(
    '[{"seq":%s,"table":"unreadable","op":"put","id":"%s","data":{"name":"before"},"edited_at":"2026-01-01T00:00:00Z"},
      {"seq":%s,"table":"unreadable",%s},
      {"seq":%s,"table":"unreadable","op":"put","id":"%s","data":{"name":"after"},"edited_at":"2026-01-01T00:00:00Z"}]',
    first, gen_random_uuid(), first + 1, mutation, first + 2, gen_random_uuid())::json));
exception when others then
  return 'the call failed: ' || sqlerrm;
end
$$;
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select is(
  pg_temp.try('"op":"put","id":"00000000-0000-4000-8000-000000000001","data":{"name":"a\u0000b"},"edited_at":"2026-01-01T00:00:00Z"'),
  'applied rejected:malformed applied', 'U+0000 in a text'
);
select is(
  pg_temp.try('"op":"put","id":"00000000-0000-4000-8000-000000000001","data":{"doc":{"a\u0000":1}},"edited_at":"2026-01-01T00:00:00Z"'),
  'applied rejected:malformed applied', 'U+0000 in a key'
);
select is(
  pg_temp.try('"op":"put","id":"00000000-0000-4000-8000-000000000001","data":{"name":"\ud800"},"edited_at":"2026-01-01T00:00:00Z"'),
  'applied rejected:malformed applied', 'half of a surrogate pair'
);
select is(
  pg_temp.try('"op":"put","id":"\u0000","data":{"name":"x"},"edited_at":"2026-01-01T00:00:00Z"'), 'applied rejected:malformed applied', 'U+0000 in an id'
);
select is(
  pg_temp.try('"op":"put","id":"00000000-0000-4000-8000-000000000001","data":{"n":1e999999},"edited_at":"2026-01-01T00:00:00Z"'),
  'applied rejected:malformed applied', 'a number without end'
);
select is(
  pg_temp.try('"op":"put","id":"00000000-0000-4000-8000-000000000001","data":{},"edited_at":"2026-02-30T00:00:00Z"'),
  'applied rejected:malformed applied', 'an instant that never was'
);
reset role;
select results_eq($$select name, count(*) from public.unreadable group by 1 order by 1$$, $$values ('after', 6::bigint), ('before', 6)$$, 'the neighbours are stored');
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select is(
  pg_temp.push('[{"data":{"seq":3,"name":"\u0000"},"seq":500,"table":"unreadable","op":"put","id":"00000000-0000-4000-8000-000000000001","edited_at":"2026-01-01T00:00:00Z"}]') #>> '{0,seq}',
  '500', 'the seq is the mutation''s own, wherever it stands'
);

select * from finish();
rollback;
