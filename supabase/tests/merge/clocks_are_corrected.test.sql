-- A device's clock may be wrong: what it says is moved by how wrong it is now, and never lies in the future.
begin;
\ir ../helpers.psql
select plan(11);

create table public.clocked (id uuid primary key, user_id uuid not null default auth.uid(), name text);
select pg_temp.add_own_table('public.clocked');
insert into public.clocked select pg_temp.id(n), pg_temp.user_id('a'), 'a' from generate_series(1, 6) n;
create function pg_temp.edit(n int, seq int, edited timestamptz, clock timestamptz) returns void language sql as $$
  select pg_temp.push(
    json_build_array(json_build_object('seq', seq, 'table', 'clocked', 'op', 'patch', 'id', pg_temp.id(n), 'base', 1, 'data', json_build_object('name', 'n' || seq), 'edited_at', edited)),
    json_strip_nulls(json_build_object('client_time', clock)))
$$;
create function pg_temp.edited_at(n int) returns timestamptz language sql security definer as $$
  select c.edited_at from tidemark.sync_changes c where c.row_id = pg_temp.id(n)::text and c.op = 'update' order by c.id desc limit 1
$$;

select pg_temp.sign_in('a');
select pg_temp.edit(1, 1, now() - interval '2 hours', now());
select is(pg_temp.edited_at(1), now() - interval '2 hours', 'the instant of a clock that is right is kept');
select pg_temp.edit(2, 2, now() - interval '2 hours', now() - interval '1 hour');
select is(pg_temp.edited_at(2), now() - interval '1 hour', 'a clock that is an hour slow is moved forward by one');
select pg_temp.edit(3, 3, now() + interval '20 hours', now() + interval '1 day');
select is(pg_temp.edited_at(3), now() - interval '4 hours', 'a clock that is a day fast is moved back by one');
select pg_temp.edit(4, 4, now() + interval '1 year', now());
select is(pg_temp.edited_at(4), now(), 'no edit is dated in the future');
select pg_temp.edit(5, 5, now() + interval '1 year', null);
select is(pg_temp.edited_at(5), now(), 'also without client_time');
select pg_temp.edit(6, 6, '2026-01-01T10:00:00+02:00', null);
select is(pg_temp.edited_at(6), '2026-01-01T08:00:00Z'::timestamptz, 'an instant has its offset');

-- Two devices, one an hour slow: the edit that was really later wins.
insert into public.clocked values (pg_temp.id(7), pg_temp.user_id('a'), 'a');
select pg_temp.push(
  json_build_array(json_build_object('seq', 1, 'table', 'clocked', 'op', 'patch', 'id', pg_temp.id(7), 'base', 1, 'data', '{"name":"right"}'::json, 'edited_at', now() - interval '30 minutes')),
  json_build_object('client_time', now()), 2);
select is(
  pg_temp.push(
    json_build_array(json_build_object('seq', 7, 'table', 'clocked', 'op', 'patch', 'id', pg_temp.id(7), 'base', 1, 'data', '{"name":"slow"}'::json, 'edited_at', now() - interval '80 minutes')),
    json_build_object('client_time', now() - interval '1 hour')) #>> '{0,row,name}',
  'slow', 'so the edit that really was the later one wins'
);
select is(
  pg_temp.push(
    json_build_array(json_build_object('seq', 8, 'table', 'clocked', 'op', 'put', 'id', pg_temp.id(8), 'base', null, 'data', '{}'::json)), '{}') #>> '{0,status}',
  'applied', 'an edit without an instant is one of now'
);

-- Which time of day the session thinks in is nothing to them: on 30 March 2025 Berlin's clocks went forward.
insert into public.clocked select pg_temp.id(n), pg_temp.user_id('a'), 'a' from generate_series(9, 11) n;
set local timezone = 'Europe/Berlin';
create function pg_temp.sent(n int, seq int, edited text, options json) returns timestamptz language sql as $$
  select pg_temp.push(
    json_build_array(json_build_object('seq', seq, 'table', 'clocked', 'op', 'patch', 'id', pg_temp.id(n), 'base', 1, 'data', json_build_object('name', 'n' || seq), 'edited_at', edited)),
    options);
  select pg_temp.edited_at(n)
$$;
select is(pg_temp.sent(9, 9, '2025-01-01T10:00:00', '{}'), '2025-01-01T10:00:00Z'::timestamptz, 'an instant without an offset is UTC');
select is(pg_temp.sent(10, 10, '2025-03-30T02:30:00', '{}'), '2025-03-30T02:30:00Z'::timestamptz, 'also one that the session''s day leaves out');
select is(
  pg_temp.sent(11, 11, '2025-03-29T12:00:00Z', json_build_object('client_time', now() - interval '24 hours')), '2025-03-30T12:00:00Z'::timestamptz,
  'a clock that is a day slow is moved by 24 hours, however long the session''s day'
);

select * from finish();
rollback;
