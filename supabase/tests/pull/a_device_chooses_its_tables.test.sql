-- options.tables narrows a pull; a table asked for later is downloaded then.
begin;
select plan(17);

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
create function pg_temp.refusal(query text) returns text language plpgsql as $$
declare
  found_detail text;
begin
  execute query;
  return 'done';
exception when others then
  get stacked diagnostics found_detail = pg_exception_detail;
  return found_detail;
end $$;
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

create table public.chosen_one (id uuid primary key, user_id uuid not null, n int);
create table public.chosen_two (id uuid primary key, user_id uuid not null, n int);
alter table public.chosen_one enable row level security;
alter table public.chosen_two enable row level security;
create policy "own" on public.chosen_one using (user_id = auth.uid());
create policy "own" on public.chosen_two using (user_id = auth.uid());
select tidemark.add_table('public.chosen_one', 'user:user_id');
select tidemark.add_table('public.chosen_two', 'user:user_id');
insert into public.chosen_one values (pg_temp.id(1), '00000000-0000-4000-8000-00000000000a', 0), (pg_temp.id(2), '00000000-0000-4000-8000-00000000000a', 0);
insert into public.chosen_two values (pg_temp.id(11), '00000000-0000-4000-8000-00000000000a', 0), (pg_temp.id(12), '00000000-0000-4000-8000-00000000000a', 0);
select pg_temp.commit_as(0);
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select throws_ok($$select pg_temp.pull(null, '{"tables":["nothing_here"]}')$$, 'PT400', 'malformed', 'a table that is not synced is refused');
select is(pg_temp.refusal($$select pg_temp.pull(null, '{"tables":["chosen_two","nothing_here","nor_here"]}')$$),
  'options.tables[1]: "nothing_here" is not synced', 'by its place in the list, from 0');
select is(pg_temp.refusal($$select public.sync_verify(array['chosen_one', 'nothing_here'])$$),
  'tables[1]: "nothing_here" is not synced', 'wherever the list is');
select is(pg_temp.refusal($$select public.sync_rows('nothing_here', array['1'])$$),
  'table: "nothing_here" is not synced', 'and by its name alone where there is no list');
select throws_ok($$select pg_temp.pull(null, '{"tables":"chosen_one"}')$$, 'PT400', 'malformed', 'tables are an array');
select throws_ok($$select pg_temp.pull(null, '{"tables":[1]}')$$, 'PT400', 'malformed', 'of names');
select is(pg_temp.got(pg_temp.pull(null, '{"tables":[]}')), '', 'no table is nothing');

select pg_temp.keep('page', pg_temp.pull(null, '{"tables":["chosen_one"]}'));
select is(pg_temp.got(pg_temp.kept('page')), '+1 +2', 'only what is asked for comes');
reset role;
update public.chosen_one set n = 1 where id = pg_temp.id(1);
update public.chosen_two set n = 1 where id = pg_temp.id(11);
select pg_temp.commit_as(1);
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select pg_temp.keep('cursor', pg_temp.as_of(pg_temp.kept('page') -> 'cursor', 1));
select is(pg_temp.got(pg_temp.pull(pg_temp.kept('cursor'), '{"tables":["chosen_one"]}')), '+1', 'changes, too');
select pg_temp.keep('page', pg_temp.pull(pg_temp.kept('cursor'), '{"tables":["chosen_one","chosen_two"]}'));
select is(
  (select string_agg(distinct r ->> 'id', ' ' order by r ->> 'id') from jsonb_array_elements(pg_temp.kept('page') -> 'changes') c, jsonb_array_elements(c -> 'upsert') r),
  concat_ws(' ', pg_temp.id(1), pg_temp.id(11), pg_temp.id(12)), 'a table added to the choice is downloaded whole, beside the changes of the others'
);
select is((pg_temp.kept('page') ->> 'more')::boolean, false, 'in the same page where there is room');
select pg_temp.keep('page', pg_temp.pull(pg_temp.kept('cursor'), '{"tables":["chosen_one","chosen_two"],"limit":1}'));
select is(pg_temp.got(pg_temp.kept('page')), '+11', 'or over several pages');
select pg_temp.keep('page', pg_temp.pull(pg_temp.kept('page') -> 'cursor', '{"tables":["chosen_one","chosen_two"],"limit":1}'));
select is(pg_temp.got(pg_temp.kept('page')), '+12', 'to its end');
select pg_temp.keep('page', pg_temp.pull(pg_temp.kept('page') -> 'cursor', '{"tables":["chosen_one","chosen_two"],"limit":5}'));
select ok(pg_temp.got(pg_temp.kept('page')) ~ '\+1\y', 'before the changes of the tables that the device held');
reset role;

-- While a table was left out its rows went; asked for again, the device must not keep them.
delete from public.chosen_two where id = pg_temp.id(11);
select pg_temp.commit_as(2);
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select pg_temp.keep('narrow', pg_temp.as_of(pg_temp.pull(pg_temp.as_of(pg_temp.kept('page') -> 'cursor', 2), '{"tables":["chosen_one"]}') -> 'cursor', 3));
select pg_temp.keep('wide', pg_temp.pull(pg_temp.kept('narrow'), '{"tables":["chosen_one","chosen_two"]}'));
select ok(
  coalesce((pg_temp.kept('wide') ->> 'reset')::boolean, false) or pg_temp.got(pg_temp.kept('wide')) like '%-11%',
  'a table that comes back brings its removals, or starts the device afresh'
);

-- Tables that were left out at different times are taken up where all of them have what came before.
select pg_temp.keep('both', pg_temp.pull(null, '{"tables":["chosen_one","chosen_two"]}') -> 'cursor');
reset role;
update public.chosen_two set n = 7 where id = pg_temp.id(12);
select pg_temp.commit_as(7);
create function pg_temp.left_out(since_one jsonb, since_two jsonb) returns jsonb language sql as $$
  select pg_temp.as_of(pg_temp.kept('both'), 20) || jsonb_build_object('paused', jsonb_object_agg(
    t.table_no, case t.name when 'chosen_one' then since_one else since_two end -> 'seen'))
  from tidemark.live_tables t where t.name in ('chosen_one', 'chosen_two')
$$;
create temp table left_out as
select
  pg_temp.left_out(pg_temp.as_of('{}', 9, '{4}'), pg_temp.as_of('{}', 9, '{4,7}')) as while_it_ran,
  pg_temp.left_out(pg_temp.as_of('{}', 9, '{4}'), pg_temp.as_of('{}', 5)) as on_a_replica;
grant select on left_out to authenticated;
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select matches(pg_temp.got(pg_temp.pull(while_it_ran, '{"tables":["chosen_one","chosen_two"]}')), '\+12\y',
  'what had not ended when one of them was left out comes') from left_out;
select matches(pg_temp.got(pg_temp.pull(on_a_replica, '{"tables":["chosen_one","chosen_two"]}')), '\+12\y',
  'also where one of them was left out on a replica that lagged') from left_out;

select * from finish();
rollback;
