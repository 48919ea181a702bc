-- Exactly once: the same seq again, after a lost answer or from a second tab, is a duplicate, and says what the first
-- answer said.
begin;
\ir ../helpers.psql
select plan(27);

create table public.repeated (id uuid primary key, user_id uuid not null default auth.uid(), name text, n int check (n < 100));
select pg_temp.add_own_table('public.repeated');
create table public.repeated_int (id int primary key, name text);
select pg_temp.add_public_table('public.repeated_int');
create table public.repeated_blind (id uuid primary key, name text);
alter table public.repeated_blind enable row level security;
create policy "add" on public.repeated_blind for insert with check (true);
select tidemark.add_table('public.repeated_blind', 'public');
revoke all on public.repeated_blind from authenticated;
grant insert on public.repeated_blind to authenticated;
create function pg_temp.batch() returns json language sql as $$
  select $j$[
    {"seq":1,"table":"repeated","op":"put","id":"00000000-0000-4000-8000-000000000001","data":{"name":"a","n":1},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":2,"table":"repeated","op":"put","id":"00000000-0000-4000-8000-000000000002","data":{"name":"b","n":500},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":4,"table":"repeated","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":1,"data":{"n":2},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":5,"table":"nowhere","op":"patch","id":"1","base":1,"data":{"n":2},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":6,"table":"repeated_int","op":"patch","id":"99999999999","base":1,"data":{"name":"x"},"edited_at":"2026-01-01T00:00:00Z"}]$j$::json
$$;

select pg_temp.sign_in('a');
select is(
  pg_temp.statuses(pg_temp.push(pg_temp.batch())), 'applied rejected:constraint applied rejected:unknown_table rejected:invalid_value', 'the first time it is applied'
);
select pg_temp.sign_out();
select set_config('test.entries', (select count(*) from tidemark.sync_changes)::text, true);
select pg_temp.sign_in('a');
select is(
  pg_temp.statuses(pg_temp.push(pg_temp.batch())), 'duplicate duplicate:constraint duplicate duplicate:unknown_table duplicate:invalid_value',
  'the second time everything is a duplicate, with the error it had'
);
select pg_temp.sign_out();
select is((select count(*)::text from tidemark.sync_changes), current_setting('test.entries'), 'and nothing is written');
select results_eq($$select n, version from public.repeated$$, $$values (2, 2::bigint)$$, 'each row is as it was');
select pg_temp.sign_in('a');
select is(
  (select string_agg(r ->> 'version', ' ') from jsonb_array_elements(pg_temp.push((select json_agg(m) from json_array_elements(pg_temp.batch()) m where (m ->> 'seq')::int < 6))) r),
  '2 2', 'a duplicate tells the version there is now'
);
select is(
  sync_push(pg_temp.device(1), '[]')::jsonb - 'server_time', '{"results":[],"last_seq":6}', 'an empty push tells how far the device got'
);
select is(
  pg_temp.statuses(pg_temp.push('[{"seq":5,"table":"nowhere","op":"patch","id":"1","base":1,"data":{"n":2},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":9,"table":"repeated","op":"put","id":"00000000-0000-4000-8000-000000000003","data":{},"edited_at":"2026-01-01T00:00:00Z"}]')),
  'duplicate:unknown_table applied', 'a batch may hold old and new ones; gaps are fine'
);
select is(
  pg_temp.statuses(pg_temp.push('[{"seq":3,"table":"repeated","op":"put","id":"00000000-0000-4000-8000-000000000007","data":{},"edited_at":"2026-01-01T00:00:00Z"}]')),
  'duplicate', 'a number that was jumped over is spent'
);
select is((select count(*) from public.repeated where id = pg_temp.id(7)), 0::bigint, 'and writes nothing');
select is(
  pg_temp.push('[{"seq":1,"table":"repeated","op":"put","id":"00000000-0000-4000-8000-000000000001","data":{"name":"a","n":1},"edited_at":"2026-01-01T00:00:00Z"}]') #>> '{0,row,n}',
  '2', 'a duplicate brings the row as it is now'
);

-- A result is kept until a later push shows that the device received it. This device does not receive that of seq 2.
create function pg_temp.two(options json default '{}') returns text language sql as $$
  select pg_temp.statuses(pg_temp.push(
    '[{"seq":2,"table":"repeated","op":"put","id":"00000000-0000-4000-8000-000000000002","data":{"name":"b","n":500},"edited_at":"2026-01-01T00:00:00Z"}]',
    options, 3))
$$;
create function pg_temp.another(seq int, options json default '{}') returns text language sql as $$
  select pg_temp.statuses(pg_temp.push(
    json_build_array(json_build_object('seq', seq, 'table', 'nowhere', 'op', 'delete', 'id', '1', 'edited_at', '2026-01-01T00:00:00Z')),
    options, 3))
$$;
select is(pg_temp.two(), 'rejected:constraint', 'a result that the device does not receive');
select is(pg_temp.another(3, '{"unheard_from":2}'), 'rejected:unknown_table', 'the next piece of a split batch says so');
select is(pg_temp.two('{"unheard_from":2}'), 'duplicate:constraint', 'the outcome is kept meanwhile');
select is(pg_temp.two(), 'duplicate:constraint', 'and while the device asks for it');
select pg_temp.another(4);
select is(pg_temp.two(), 'duplicate', 'a later push without unheard_from says that the device received everything before');

-- A device and its clone use the same numbers: each is told which of its duplicates are its own.
create function pg_temp.own(seqs int[], options json default '{}') returns text language sql as $$
  select concat_ws(' ', (select string_agg(r ->> 'status', ' ' order by n) from json_array_elements(a.answer -> 'results') with ordinality as r (r, n)),
    'from', coalesce(a.answer ->> 'repeated_from', 'none'))
  from sync_push(pg_temp.device(4), (
    select json_agg(json_build_object('seq', s, 'table', 'repeated', 'op', 'delete', 'id', pg_temp.id(8), 'edited_at', '2026-01-01T00:00:00Z', 'by', seqs))
    from unnest(seqs) s), options) as a (answer)
$$;
select is(pg_temp.own('{1,2}'), 'applied applied from none', 'a batch that comes first');
select is(pg_temp.own('{1,2}'), 'duplicate duplicate from 1', 'comes again: all of it is its own');
select is(pg_temp.own('{1,2,3}'), 'duplicate duplicate applied from none', 'the clone has used the first numbers of another');
select is(pg_temp.own('{1,2,3}'), 'duplicate duplicate duplicate from 3', 'which is told so again when its answer was lost');
select is(pg_temp.own('{1,2}'), 'duplicate duplicate from 1', 'and the first is still known');
select is(pg_temp.own('{4}', '{"batch": "whole", "unheard_from": 4}'), 'applied from none', 'the first piece of a batch');
select is(pg_temp.own('{5}', '{"batch": "whole", "unheard_from": 4}'), 'applied from 4', 'and the second one');
select is(pg_temp.own('{4,5}', '{"batch": "whole"}'), 'duplicate duplicate from 4', 'are the device''s own when the whole comes again');
select is(pg_temp.own('{1,2}'), 'duplicate duplicate from none', 'a result that a later batch shows as received is forgotten');

select is(
  pg_temp.statuses(pg_temp.push('[{"seq":20,"table":"repeated_blind","op":"put","id":"00000000-0000-4000-8000-000000000001","data":{"name":"x"},"edited_at":"2026-01-01T00:00:00Z"}]')),
  'applied', 'a row in a table that may only be added to'
);
select is(
  pg_temp.statuses(pg_temp.push('[{"seq":20,"table":"repeated_blind","op":"put","id":"00000000-0000-4000-8000-000000000001","data":{"name":"x"},"edited_at":"2026-01-01T00:00:00Z"}]')),
  'duplicate', 'is a duplicate the second time, too'
);
select is(
  pg_temp.statuses(pg_temp.push('[{"seq":1,"table":"repeated","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":2,"data":{"n":3},"edited_at":"2026-01-01T00:00:00Z"}]', device => 2)),
  'applied', 'another device has numbers of its own'
);

select * from finish();
rollback;
