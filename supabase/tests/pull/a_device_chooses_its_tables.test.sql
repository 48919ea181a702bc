-- options.tables narrows a pull; a table asked for later is downloaded then.
begin;
\ir ../helpers.psql
select plan(17);

create table public.chosen_one (id uuid primary key, user_id uuid not null, n int);
create table public.chosen_two (id uuid primary key, user_id uuid not null, n int);
select pg_temp.add_own_table('public.chosen_one');
select pg_temp.add_own_table('public.chosen_two');
insert into public.chosen_one values (pg_temp.id(1), pg_temp.user_id('a'), 0), (pg_temp.id(2), pg_temp.user_id('a'), 0);
insert into public.chosen_two values (pg_temp.id(11), pg_temp.user_id('a'), 0), (pg_temp.id(12), pg_temp.user_id('a'), 0);
select pg_temp.commit_as(0);
select pg_temp.sign_in('a');
select throws_ok($$select pg_temp.pull(null, '{"tables":["nothing_here"]}')$$, 'PT400', 'malformed', 'a table that is not synced is refused');
select is(pg_temp.error_of($$select pg_temp.pull(null, '{"tables":["chosen_two","nothing_here","nor_here"]}')$$) ->> 'detail',
  'options.tables[1]: "nothing_here" is not synced', 'by its place in the list, from 0');
select is(pg_temp.error_of($$select public.sync_verify(array['chosen_one', 'nothing_here'])$$) ->> 'detail',
  'tables[1]: "nothing_here" is not synced', 'wherever the list is');
select is(pg_temp.error_of($$select public.sync_rows('nothing_here', array['1'])$$) ->> 'detail',
  'table: "nothing_here" is not synced', 'and by its name alone where there is no list');
select throws_ok($$select pg_temp.pull(null, '{"tables":"chosen_one"}')$$, 'PT400', 'malformed', 'tables are an array');
select throws_ok($$select pg_temp.pull(null, '{"tables":[1]}')$$, 'PT400', 'malformed', 'of names');
select is(pg_temp.changes(pg_temp.pull(null, '{"tables":[]}')), '', 'no table is nothing');

select pg_temp.save('page', pg_temp.pull(null, '{"tables":["chosen_one"]}'));
select is(pg_temp.changes(pg_temp.saved('page')), '+1 +2', 'only what is asked for comes');
select pg_temp.sign_out();
update public.chosen_one set n = 1 where id = pg_temp.id(1);
update public.chosen_two set n = 1 where id = pg_temp.id(11);
select pg_temp.commit_as(1);
select pg_temp.sign_in('a');
select pg_temp.save('cursor', pg_temp.as_of(pg_temp.saved('page') -> 'cursor', 1));
select is(pg_temp.changes(pg_temp.pull(pg_temp.saved('cursor'), '{"tables":["chosen_one"]}')), '+1', 'changes, too');
select pg_temp.save('page', pg_temp.pull(pg_temp.saved('cursor'), '{"tables":["chosen_one","chosen_two"]}'));
select is(
  (select string_agg(distinct r ->> 'id', ' ' order by r ->> 'id') from jsonb_array_elements(pg_temp.saved('page') -> 'changes') c, jsonb_array_elements(c -> 'upsert') r),
  concat_ws(' ', pg_temp.id(1), pg_temp.id(11), pg_temp.id(12)), 'a table added to the choice is downloaded whole, beside the changes of the others'
);
select is((pg_temp.saved('page') ->> 'more')::boolean, false, 'in the same page where there is room');
select pg_temp.save('page', pg_temp.pull(pg_temp.saved('cursor'), '{"tables":["chosen_one","chosen_two"],"limit":1}'));
select is(pg_temp.changes(pg_temp.saved('page')), '+11', 'or over several pages');
select pg_temp.save('page', pg_temp.pull(pg_temp.saved('page') -> 'cursor', '{"tables":["chosen_one","chosen_two"],"limit":1}'));
select is(pg_temp.changes(pg_temp.saved('page')), '+12', 'to its end');
select pg_temp.save('page', pg_temp.pull(pg_temp.saved('page') -> 'cursor', '{"tables":["chosen_one","chosen_two"],"limit":5}'));
select ok(pg_temp.changes(pg_temp.saved('page')) ~ '\+1\y', 'before the changes of the tables that the device held');
select pg_temp.sign_out();

-- While a table was left out its rows went; asked for again, the device must not keep them.
delete from public.chosen_two where id = pg_temp.id(11);
select pg_temp.commit_as(2);
select pg_temp.sign_in('a');
select pg_temp.save('narrow', pg_temp.as_of(pg_temp.pull(pg_temp.as_of(pg_temp.saved('page') -> 'cursor', 2), '{"tables":["chosen_one"]}') -> 'cursor', 3));
select pg_temp.save('wide', pg_temp.pull(pg_temp.saved('narrow'), '{"tables":["chosen_one","chosen_two"]}'));
select ok(
  coalesce((pg_temp.saved('wide') ->> 'reset')::boolean, false) or pg_temp.changes(pg_temp.saved('wide')) like '%-11%',
  'a table that comes back brings its removals, or starts the device afresh'
);

-- Tables that were left out at different times are taken up where all of them have what came before.
select pg_temp.save('both', pg_temp.pull(null, '{"tables":["chosen_one","chosen_two"]}') -> 'cursor');
select pg_temp.sign_out();
update public.chosen_two set n = 7 where id = pg_temp.id(12);
select pg_temp.commit_as(7);
create function pg_temp.left_out(since_one jsonb, since_two jsonb) returns jsonb language sql as $$
  select pg_temp.as_of(pg_temp.saved('both'), 20) || jsonb_build_object('paused', jsonb_object_agg(
    t.table_no, case t.name when 'chosen_one' then since_one else since_two end -> 'seen'))
  from tidemark.live_tables t where t.name in ('chosen_one', 'chosen_two')
$$;
create temp table left_out as
select
  pg_temp.left_out(pg_temp.as_of('{}', 9, '{4}'), pg_temp.as_of('{}', 9, '{4,7}')) as while_it_ran,
  pg_temp.left_out(pg_temp.as_of('{}', 9, '{4}'), pg_temp.as_of('{}', 5)) as on_a_replica;
grant select on left_out to authenticated;
select pg_temp.sign_in('a');
select matches(pg_temp.changes(pg_temp.pull(while_it_ran, '{"tables":["chosen_one","chosen_two"]}')), '\+12\y',
  'what had not ended when one of them was left out comes') from left_out;
select matches(pg_temp.changes(pg_temp.pull(on_a_replica, '{"tables":["chosen_one","chosen_two"]}')), '\+12\y',
  'also where one of them was left out on a replica that lagged') from left_out;

select * from finish();
rollback;
