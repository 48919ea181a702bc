-- A cursor made by hand shows nothing that its sender may not see, and never breaks a pull without a code.
begin;
select plan(16);

create table public.hunted_members (club text not null, user_id uuid not null, primary key (user_id, club));
create table public.hunted (id uuid primary key, club text not null, note text);
alter table public.hunted enable row level security;
-- The policy lets everybody read: what keeps a stranger out is the scope.
create policy "all" on public.hunted to authenticated using (true);
select tidemark.add_scope('huntedclub', 'public.hunted_members', 'club', 'user_id');
select tidemark.add_table('public.hunted', 'huntedclub:club');
insert into public.hunted values ('00000000-0000-4000-8000-000000000001', 'chess', 'secret');

create function pg_temp.pull(place json) returns text
language plpgsql
as $$
declare
  answer jsonb;
begin
  perform set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true), set_config('role', 'authenticated', true);
  begin
    answer := public.sync_pull('00000000-0000-4000-8000-0000000000d1', place, '{"tables": ["hunted"]}');
  exception when others then
    perform set_config('role', 'postgres', true);
    return sqlstate || ' ' || sqlerrm;
  end;
  perform set_config('role', 'postgres', true);
  return coalesce((select string_agg(c ->> 'upsert', ' ') from jsonb_array_elements(answer -> 'changes') c), '');
end
$$;
create function pg_temp.forge(parts jsonb) returns json language sql as $$
  select (jsonb_build_object('epoch', tidemark.epoch(), 'at', now() + interval '1 hour', 'seen', pg_current_snapshot(),
    'tables', (select jsonb_agg(t.table_no) from tidemark.live_tables t where t.name = 'hunted')) || parts)::json
$$;
create function pg_temp.no() returns int language sql as $$ select t.table_no from tidemark.live_tables t where t.name = 'hunted' $$;

select is(pg_temp.pull(null), '', 'a stranger gets nothing from the start');
select is(pg_temp.pull(pg_temp.forge('{"seen": "3:3:"}')), '', 'nor of all of the log');
select is(pg_temp.pull(pg_temp.forge(jsonb_build_object('boot', jsonb_build_array(jsonb_build_array(pg_temp.no(), 'chess', null, null))))), '', 'nor by asking for the scope''s download');
select is(pg_temp.pull(pg_temp.forge(jsonb_build_object('boot', jsonb_build_array(jsonb_build_array(pg_temp.no(), 'chess', '00000000-0000-4000-8000-000000000000', true))))), '', 'nor for the rest of it');
select is(pg_temp.pull(pg_temp.forge('{"tables": []}')), '', 'nor as a table that is new to it');
select alike(pg_temp.pull(pg_temp.forge(v.parts::jsonb)), 'PT400 malformed%', 'coded: ' || v.parts)
from (values
  ('{"seen": "x"}'), ('{"seen": "9:1:"}'), ('{"at": "yesterday or so"}'), ('{"tables": ["a"]}'), ('{"tables": [99999999999]}'),
  ('{"boot": [["x"]]}'), ('{"boot": 1}'), ('{"after": ["x", 1]}'), ('{"paused": {"x": "1:1:"}}'), ('{"done": "many"}')
) as v (parts);
select is(pg_temp.pull(pg_temp.forge('{"done": 9223372036854775807, "boot": []}')), '', 'a number at its end');

select * from finish();
rollback;
