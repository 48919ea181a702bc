-- A table that a role may not read, or may read in part, is that table's matter: the others sync.
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
create function pg_temp.pull(place jsonb default null, options json default '{}', device uuid default pg_temp.device(1))
returns jsonb language sql as $$
  select sync_pull(device, place::json, options)::jsonb
$$;
-- What a page holds: "+" and the key for an upsert, "-" for a remove; changes in the order sent, their rows by key.
create function pg_temp.got(page jsonb) returns text language sql as $$
  select coalesce(string_agg(e.item, ' ' order by c.n, e.side, e.key), '')
  from jsonb_array_elements(page -> 'changes') with ordinality as c (change, n)
  cross join lateral (
    select '+' || ltrim(split_part(r ->> 'id', '-', 5), '0'), 1, r ->> 'id' from jsonb_array_elements(change -> 'upsert') r
    union all
    select '-' || ltrim(split_part(r, '-', 5), '0'), 2, r from jsonb_array_elements_text(change -> 'remove') r
  ) as e (item, side, key)
$$;

create table public.open_book (id uuid primary key, user_id uuid not null);
create table public.drop_box (id uuid primary key, user_id uuid not null, line text);
create table public.half_open (id uuid primary key, user_id uuid not null, shown text, secret text);
create schema closed_rooms;
create table closed_rooms.diary (id uuid primary key, user_id uuid not null);
alter table public.open_book enable row level security;
alter table public.drop_box enable row level security;
alter table public.half_open enable row level security;
alter table closed_rooms.diary enable row level security;
create policy "own" on public.open_book using (user_id = auth.uid());
create policy "own" on public.drop_box using (user_id = auth.uid());
create policy "own" on public.half_open using (user_id = auth.uid());
create policy "own" on closed_rooms.diary using (user_id = auth.uid());
select tidemark.add_table(t::regclass, 'user:user_id') from unnest('{open_book,drop_box,half_open,closed_rooms.diary}'::text[]) t;
insert into public.open_book values (pg_temp.id(1), '00000000-0000-4000-8000-00000000000a');
insert into public.drop_box values (pg_temp.id(2), '00000000-0000-4000-8000-00000000000a', 'x');
insert into public.half_open values (pg_temp.id(3), '00000000-0000-4000-8000-00000000000a', 'x', 'word');
insert into closed_rooms.diary values (pg_temp.id(4), '00000000-0000-4000-8000-00000000000a');
revoke all on public.drop_box from authenticated;
grant insert on public.drop_box to authenticated;
revoke select on public.half_open from authenticated;
grant select (id, user_id, shown, version, updated_at, deleted_at) on public.half_open to authenticated;

select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select lives_ok($$select pg_temp.pull(null, '{"tables":["open_book","drop_box"]}')$$, 'a table without SELECT does not fail the pull');
select lives_ok($$select pg_temp.pull(null, '{"tables":["open_book","closed_rooms.diary"]}')$$, 'nor does one in a schema without USAGE');
select lives_ok($$select pg_temp.pull(null, '{"tables":["half_open"]}')$$, 'nor one that may be read in part');
create function pg_temp.pulled(tables json) returns jsonb language plpgsql as $$
begin
  return pg_temp.pull(null, json_build_object('tables', tables)) -> 'changes';
exception when insufficient_privilege then
  return '[]';
end
$$;
select is(
  pg_temp.got(jsonb_build_object('changes', pg_temp.pulled('["open_book","drop_box","closed_rooms.diary"]'))), '+1', 'what may be read comes'
);
select is(
  (pg_temp.pulled('["half_open"]') #> '{0,upsert,0}') - 'updated_at',
  jsonb_build_object('id', pg_temp.id(3), 'user_id', auth.uid(), 'shown', 'x', 'version', 1, 'deleted_at', null),
  'of a row only the columns that may be read'
);
reset role;
revoke select (version) on public.half_open from authenticated;
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select lives_ok($$select pg_temp.pull(null, '{"tables":["half_open","open_book"]}')$$, 'a grant that leaves the stamps out fails no pull either');
select ok(pg_temp.got(jsonb_build_object('changes', pg_temp.pulled('["half_open","open_book"]'))) like '%+1', 'and the other table comes');

select * from finish();
rollback;
