-- What a constraint says only at COMMIT would fail the whole call, again and again: it is asked before the answer is
-- given, so that an edit is rejected for itself, and what is only right together still passes together.
begin;
\ir ../helpers.psql
select plan(16);

create function pg_temp.put(seq int, "table" text, id int, data json) returns json language sql as $$
  select json_build_object('seq', seq, 'table', "table", 'op', 'put', 'id', id::text, 'data', data, 'edited_at', now())
$$;
-- What COMMIT would say.
create function pg_temp.commit_would_pass() returns boolean language plpgsql as $$
begin
  set constraints all immediate;
  raise sqlstate 'XX999';
exception when sqlstate 'XX999' then
  return true;
when others then
  return false;
end
$$;

create table public.deferred_lists (id int primary key, user_id uuid not null default auth.uid(), first_item int);
create table public.deferred_items (
  id int primary key, user_id uuid not null default auth.uid(), list int not null, place int not null, name text,
  constraint one_item_a_place unique (list, place) deferrable initially deferred,
  constraint in_a_list foreign key (list) references public.deferred_lists deferrable initially deferred
);
alter table public.deferred_lists add constraint begins_with foreign key (first_item) references public.deferred_items deferrable initially deferred;
create function public.refuse_place_13() returns trigger language plpgsql as $$
begin
  if new.place = 13 then
    raise exception 'no item has place 13';
  end if;
  return null;
end
$$;
create constraint trigger no_13 after insert or update on public.deferred_items deferrable initially deferred
  for each row execute function public.refuse_place_13();
-- And one that waits only when it is told to.
alter table public.deferred_items add constraint one_item_a_name unique (name) deferrable initially immediate;
grant select, insert, update, delete on public.deferred_lists, public.deferred_items to authenticated;
select pg_temp.add_own_table('public.deferred_lists');
select pg_temp.add_own_table('public.deferred_items');
create function pg_temp.move(seq int, id int, place int) returns json language sql as $$
  select json_build_object('seq', seq, 'table', 'deferred_items', 'op', 'patch', 'id', id::text, 'base', i.version,
    'data', json_build_object('place', move.place), 'edited_at', now())
  from public.deferred_items i where i.id = move.id
$$;

select pg_temp.sign_in('a');
select is(
  pg_temp.statuses(pg_temp.push(json_build_array(
    pg_temp.put(1, 'deferred_lists', 1, '{"first_item": 1}'),
    pg_temp.put(2, 'deferred_items', 1, '{"list": 1, "place": 1}'),
    pg_temp.put(3, 'deferred_items', 2, '{"list": 1, "place": 2}'),
    pg_temp.put(4, 'deferred_items', 3, '{"list": 1, "place": 3}')))),
  'applied applied applied applied', 'rows that point at each other are written together'
);
select ok(pg_temp.commit_would_pass(), 'and kept');

select pg_temp.sign_in('a');
create temp table taken as select pg_temp.push(json_build_array(
  pg_temp.put(5, 'deferred_items', 4, '{"list": 1, "place": 1}'), pg_temp.put(6, 'deferred_items', 5, '{"list": 1, "place": 5}'))) as r;
select is(pg_temp.statuses(r), 'rejected:unique applied', 'a place that is taken rejects the edit that takes it, and no other') from taken;
select is(r #>> '{0,error,message}', 'another row already has this list, place', 'by its columns') from taken;
select is(
  pg_temp.statuses(pg_temp.push(json_build_array(
    pg_temp.put(7, 'deferred_items', 6, '{"list": 99, "place": 1}'), pg_temp.put(8, 'deferred_items', 7, '{"list": 1, "place": 7}')))),
  'rejected:foreign_key applied', 'so does a list that is not there'
);
select is(
  pg_temp.statuses(pg_temp.push(json_build_array(
    pg_temp.put(9, 'deferred_items', 8, '{"list": 1, "place": 13}'), pg_temp.put(10, 'deferred_items', 9, '{"list": 1, "place": 9}')))),
  'rejected:constraint applied', 'and a trigger that waits'
);
select ok(pg_temp.commit_would_pass(), 'what was applied is kept');

select pg_temp.sign_in('a');
select is(
  pg_temp.statuses(pg_temp.push(json_build_array(pg_temp.move(11, 1, 2), pg_temp.move(12, 2, 1)))), 'applied applied', 'two items change places'
);
select is((select array_agg(place order by id) from public.deferred_items where id < 3), array[2, 1], 'both of them');
select is(
  pg_temp.statuses(pg_temp.push((
    select json_agg(m order by (m ->> 'seq')::int) from (
      select pg_temp.move(13, 1, 1) as m union all select pg_temp.put(14, 'deferred_items', 20, '{"list": 1, "place": 13}')
      union all select pg_temp.put(20 + n, 'deferred_items', 20 + n, json_build_object('list', 1, 'place', 20 + n)) from generate_series(1, 10) n
      union all select pg_temp.move(40, 2, 2)) all_of_them))),
  'applied rejected:constraint' || repeat(' applied', 11), 'also far apart in a list with a bad edit'
);
select is(
  pg_temp.statuses(pg_temp.push(json_build_array(
    pg_temp.put(41, 'deferred_items', 41, '{"list": 1, "place": 41}'), pg_temp.put(42, 'deferred_items', 42, '{"list": 1, "place": 13}'),
    pg_temp.put(43, 'deferred_lists', 3, '{"first_item": 43}'), pg_temp.put(44, 'deferred_items', 43, '{"list": 3, "place": 1}')))),
  'applied rejected:constraint applied applied', 'and rows that point at each other, beside one'
);
select ok(pg_temp.commit_would_pass(), 'all is kept');

-- A caller's own transaction goes on as it was.
select pg_temp.sign_in('a');
update public.deferred_items set name = 'taken' where id = 1;
select lives_ok($$update public.deferred_items set place = 1 where id = 3$$, 'after a push constraints wait as before');
select throws_ok($$update public.deferred_items set name = 'taken' where id = 2$$, '23505', null, 'and those that did not wait do not');
update public.deferred_items set place = 3 where id = 3;
set constraints all deferred;
select pg_temp.push(json_build_array(pg_temp.move(61, 3, 33)));
select lives_ok($$update public.deferred_items set name = 'taken' where id = 2$$, 'nor does a push end what the caller put off');
select throws_ok(
  $$select pg_temp.push(json_build_array(pg_temp.put(62, 'deferred_lists', 62, '{}')))$$, '23505', null,
  'but what the caller left wrong rejects no edit: the call fails'
);

select * from finish();
rollback;
