-- The first download reads the tables themselves, in key order, page by page: each row once, parents first.
begin;
select plan(14);

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
create function pg_temp.keep(name text, value jsonb) returns void language sql as $$
  select set_config('test.' || name, value::text, true)
$$;
create function pg_temp.kept(name text) returns jsonb language sql as $$
  select current_setting('test.' || name)::jsonb
$$;
-- One transaction cannot commit twice, so the log's entries are given to transactions of the past, and a
-- cursor the snapshot it would have held then: 1, 2, 3, … stand for transactions that are all visible now.
create function pg_temp.past(n int) returns xid8 language sql security definer as $$
  select (s.purged_to::text::bigint + 10 + n)::text::xid8 from tidemark.settings s
$$;
create function pg_temp.commit_as(n int) returns void language sql as $$
  update tidemark.sync_changes set xact = pg_temp.past(n) where xact = pg_current_xact_id()
$$;
-- The cursor as of when all below n had committed, but for those still running.
create function pg_temp.as_of(place jsonb, n int, running int[] default '{}', field text default 'seen')
returns jsonb language sql as $$
  select place || jsonb_build_object(field, format('%s:%s:%s',
    pg_temp.past(coalesce((select min(r) from unnest(running) r), n)), pg_temp.past(n),
    (select string_agg(pg_temp.past(r)::text, ',' order by r) from unnest(running) r)))
$$;

create table public.paged_item (id uuid primary key, list uuid, user_id uuid not null);
create table public.paged_list (id uuid primary key, user_id uuid not null);
alter table public.paged_item add foreign key (list) references public.paged_list;
alter table public.paged_item enable row level security;
alter table public.paged_list enable row level security;
create policy "own" on public.paged_item using (user_id = auth.uid());
create policy "own" on public.paged_list using (user_id = auth.uid());
select tidemark.add_table('public.paged_item', 'user:user_id');
select tidemark.add_table('public.paged_list', 'user:user_id');
insert into public.paged_list select pg_temp.id(n), '00000000-0000-4000-8000-00000000000a' from generate_series(1, 3) n;
insert into public.paged_list values (pg_temp.id(4), '00000000-0000-4000-8000-00000000000b');
insert into public.paged_item select pg_temp.id(10 + n), pg_temp.id(1), '00000000-0000-4000-8000-00000000000a' from generate_series(1, 4) n;
insert into public.paged_item values (pg_temp.id(15), pg_temp.id(4), '00000000-0000-4000-8000-00000000000b'), (pg_temp.id(16), pg_temp.id(1), '00000000-0000-4000-8000-00000000000a');
delete from public.paged_item where id = pg_temp.id(16);
select pg_temp.commit_as(0);
create function pg_temp.next(size int) returns text language plpgsql as $$
declare
  page jsonb;
begin
  page := pg_temp.pull(pg_temp.kept('cursor'), json_build_object('limit', size, 'tables', array['paged_item', 'paged_list']));
  perform pg_temp.keep('cursor', page -> 'cursor');
  perform pg_temp.keep('page', page);
  return pg_temp.got(page) || case when (page ->> 'more')::boolean then ' …' else '' end;
end
$$;

select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select pg_temp.keep('cursor', 'null');
select is(pg_temp.next(100), '+1 +2 +3 +11 +12 +13 +14', 'one page holds all there is: parents first, no tombstones, nobody else''s rows');
select is(pg_temp.kept('page') -> 'progress', null, 'a download of one page has no progress to tell');
select is(
  (pg_temp.kept('page') #>> '{changes,0,scope}') || ' ' || (pg_temp.kept('page') #>> '{changes,0,table}'),
  'user:00000000-0000-4000-8000-00000000000a paged_list', 'each change names scope and table'
);

select pg_temp.keep('cursor', 'null');
select is(pg_temp.next(2), '+1 +2 …', 'a small page ends where it is full');
select is(pg_temp.kept('page') -> 'progress', '{"done":2,"total":7}', 'and tells how far the download is');
select is(pg_temp.next(2), '+3 +11 …', 'the next one goes on, over to the next table');
select is(pg_temp.kept('page') -> 'progress', '{"done":4,"total":7}', 'and counts on');
select is(pg_temp.next(2), '+12 +13 …', 'and on');
select is(pg_temp.next(2), '+14', 'up to the last row');
select is(pg_temp.next(2), '', 'then there is nothing new');

select pg_temp.keep('cursor', 'null');
select pg_temp.next(2);
select pg_temp.keep('half', pg_temp.kept('cursor'));
select pg_temp.next(3);
select pg_temp.keep('first', pg_temp.kept('page'));
select pg_temp.keep('cursor', pg_temp.kept('half'));
select pg_temp.next(3);
select is(pg_temp.kept('page') -> 'changes', pg_temp.kept('first') -> 'changes', 'a page fetched again is the same page');
select pg_temp.keep('cursor', pg_temp.kept('half'));
select is(pg_temp.next(7), '+3 +11 +12 +13 +14', 'the size of a page may change on the way');

select pg_temp.sign_in('00000000-0000-4000-8000-00000000000b');
select pg_temp.keep('cursor', 'null');
select sync_register_device(pg_temp.device(2));
select is(
  pg_temp.got(sync_pull(pg_temp.device(2), null, '{"tables":["paged_item","paged_list"]}')::jsonb), '+4 +15', 'another user gets theirs'
);
select is(
  pg_temp.got(sync_pull(pg_temp.device(2), pg_temp.kept('half')::json, '{"tables":["paged_item","paged_list"]}')::jsonb), '+4 +15',
  'another user''s cursor opens nothing of that user''s'
);

select * from finish();
rollback;
