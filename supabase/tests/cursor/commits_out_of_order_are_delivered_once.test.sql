-- The order in which transactions commit is not the order of their numbers. A cursor that was drawn while an older
-- transaction still ran gets its entries later, exactly once, and is not held up meanwhile.
begin;
\ir ../helpers.psql
select plan(6);

create table public.disorder (id uuid primary key, user_id uuid not null, n int);
select pg_temp.add_own_table('public.disorder');
create function pg_temp.next(place jsonb) returns jsonb language sql as $$
  select pg_temp.pull(place, '{"tables":["disorder"]}')
$$;

select pg_temp.sign_in('a');
select pg_temp.save('start', pg_temp.next(null) -> 'cursor');
select pg_temp.sign_out();
insert into public.disorder values (pg_temp.id(5), pg_temp.user_id('a'), 5);
select pg_temp.commit_as(5);
insert into public.disorder values (pg_temp.id(6), pg_temp.user_id('a'), 6);
select pg_temp.commit_as(6);
insert into public.disorder values (pg_temp.id(7), pg_temp.user_id('a'), 7);
select pg_temp.commit_as(7);
insert into public.disorder values (pg_temp.id(9), pg_temp.user_id('a'), 9);
select pg_temp.commit_as(9);

select pg_temp.sign_in('a');
select is(pg_temp.changes(pg_temp.next(pg_temp.as_of(pg_temp.saved('start'), 1))), '+5 +6 +7 +9', 'a cursor from before them all gets them all');
select is(
  pg_temp.changes(pg_temp.next(pg_temp.as_of(pg_temp.saved('start'), 8, '{5,6}'))), '+5 +6 +9',
  'one that saw 7 while 5 and 6 were running gets 5 and 6, and not 7 again'
);
select is(pg_temp.changes(pg_temp.next(pg_temp.as_of(pg_temp.saved('start'), 8, '{6}'))), '+6 +9', 'one that saw 5, too, gets 6 alone');
select is(pg_temp.changes(pg_temp.next(pg_temp.as_of(pg_temp.saved('start'), 10))), '', 'one from after them all gets nothing');
select is(
  pg_temp.changes(pg_temp.next(pg_temp.as_of(pg_temp.as_of(pg_temp.saved('start'), 1), 8, '{5}', 'window_end') || jsonb_build_object('after', jsonb_build_array(pg_temp.transaction(1), 0)))),
  '+6 +7', 'a window ends where it ended when it was opened: what ran then is left for the next one'
);
select is(
  pg_temp.changes(pg_temp.next(pg_temp.as_of(pg_temp.saved('start'), 8, '{5}'))), '+5 +9', 'where it comes'
);

select * from finish();
rollback;
