-- A cursor made by hand shows nothing that its sender may not see, and never breaks a pull without a code.
begin;
\ir ../helpers.psql
select plan(16);

create table public.hunted_members (club text not null, user_id uuid not null, primary key (user_id, club));
create table public.hunted (id uuid primary key, club text not null, note text);
-- The policy lets everybody read: what keeps a stranger out is the scope.
select pg_temp.allow_all('public.hunted');
select tidemark.add_scope('huntedclub', 'public.hunted_members', 'club', 'user_id');
select tidemark.add_table('public.hunted', 'huntedclub:club');
insert into public.hunted values ('00000000-0000-4000-8000-000000000001', 'chess', 'secret');

-- The rows of a page from that cursor, or how the pull fails.
create function pg_temp.rows_from(place json) returns text language plpgsql as $$
begin
  return (select coalesce(string_agg(c ->> 'upsert', ' '), '')
    from jsonb_array_elements(pg_temp.pull(place::jsonb, '{"tables": ["hunted"]}') -> 'changes') c);
exception when others then
  return sqlstate || ' ' || sqlerrm;
end
$$;
create function pg_temp.forge(parts jsonb) returns json language sql as $$
  select (jsonb_build_object('epoch', tidemark.epoch(), 'at', now() + interval '1 hour', 'seen', pg_current_snapshot(),
    'tables', array[pg_temp.table_no('hunted')]) || parts)::json
$$;

select is(pg_temp.rows_from(null), '', 'a stranger gets nothing from the start');
select is(pg_temp.rows_from(pg_temp.forge('{"seen": "3:3:"}')), '', 'nor of all of the log');
select is(pg_temp.rows_from(pg_temp.forge(jsonb_build_object('initial_sync', jsonb_build_array(jsonb_build_array(pg_temp.table_no('hunted'), 'chess', null, null))))), '', 'nor by asking for the scope''s download');
select is(pg_temp.rows_from(pg_temp.forge(jsonb_build_object('initial_sync', jsonb_build_array(jsonb_build_array(pg_temp.table_no('hunted'), 'chess', '00000000-0000-4000-8000-000000000000', true))))), '', 'nor for the rest of it');
select is(pg_temp.rows_from(pg_temp.forge('{"tables": []}')), '', 'nor as a table that is new to it');
select alike(pg_temp.rows_from(pg_temp.forge(v.parts::jsonb)), 'PT400 malformed%', 'coded: ' || v.parts)
from (values
  ('{"seen": "x"}'), ('{"seen": "9:1:"}'), ('{"at": "yesterday or so"}'), ('{"tables": ["a"]}'), ('{"tables": [99999999999]}'),
  ('{"initial_sync": [["x"]]}'), ('{"initial_sync": 1}'), ('{"after": ["x", 1]}'), ('{"paused": {"x": "1:1:"}}'), ('{"done": "many"}')
) as v (parts);
select is(pg_temp.rows_from(pg_temp.forge('{"done": 9223372036854775807, "initial_sync": []}')), '', 'a number at its end');

select * from finish();
rollback;
