-- A scope has the members of the table that is watched. A table that was renamed goes on being watched, and its members
-- join when it is declared under the new name. A table made anew was not watched: no log says who left with the old one.
begin;
\ir ../helpers.psql
select plan(21);

-- The ids that a device of the user downloads.
create function pg_temp.ids_of(name text) returns text language sql as $$
  select coalesce(string_agg(r ->> 'id', '' order by r ->> 'id'), '') from jsonb_array_elements(pg_temp.download('crew_items', name)) r
$$;
-- Whether devices that have not seen this transaction start afresh; once asked, what was said counts no longer.
create function pg_temp.is_lost() returns boolean language plpgsql as $$
declare
  lost boolean := tidemark.cursor_is_lost(tidemark.epoch(), format('%1$s:%1$s:', pg_current_xact_id())::pg_snapshot, null, now(), '{}');
begin
  update tidemark.settings set purged_to = '0';
  return lost;
end
$$;
create temp sequence told start 0 minvalue 0;
-- What the log says since it was last asked: + joined, - left.
create function pg_temp.logged() returns text language plpgsql as $$
declare
  line text;
begin
  select string_agg(e.op || right(e.scope, 1) || right(e.row_id, 1), ' ' order by e.op desc, e.scope, e.row_id) into line
  from (
    select case c.op when 'join' then '+' else '-' end as op, c.scope, c.row_id from tidemark.sync_changes c
    where c.table_no = 0 and c.row_id like 'crew:%' and c.id > (select s.last_value from pg_temp.told s)
  ) e;
  perform setval('pg_temp.told', coalesce((select max(c.id) from tidemark.sync_changes c), 0));
  return line;
end
$$;
create function pg_temp.watched() returns text language sql as $$
  select string_agg(distinct g.tgrelid::regclass::text, ' ') from pg_trigger g where g.tgname in ('tidemark_join_crew', 'tidemark_rejoin_crew', 'tidemark_leave_crew')
$$;
create function pg_temp.make(table_name text, people int[]) returns void language plpgsql as $$
begin
  execute format('create table public.%I (ship int not null, sailor uuid not null, primary key (ship, sailor))', table_name);
  execute format('insert into public.%I select p, pg_temp.user_id(p::text) from unnest($1) p', table_name) using people;
end
$$;

select pg_temp.make('crew', '{1,2}');
select tidemark.add_scope('crew', 'public.crew', 'ship', 'sailor');
create table public.crew_items (id int primary key, ship int not null);
select pg_temp.allow_all('public.crew_items');
select tidemark.add_table('public.crew_items', 'crew:ship');
insert into public.crew_items select n, n from generate_series(1, 9) n;
select is(pg_temp.logged(), '+11 +22', 'members join');
select tidemark.add_scope('crew', 'public.crew', 'ship', 'sailor');
select is(pg_temp.logged(), null, 'declared again, no member joins a second time');

-- Renamed.
alter table public.crew rename to sailors;
alter table public.sailors rename ship to vessel;
select lives_ok($$insert into public.sailors values (3, pg_temp.user_id('3'))$$, 'a renamed members table takes members');
select lives_ok($$update public.sailors set vessel = 4 where vessel = 3$$, 'changes them');
select lives_ok($$delete from public.sailors where vessel = 2$$, 'and lets them go');
select is(pg_temp.logged(), '-22 -33 +33 +34', 'which is logged');
select tidemark.add_scope('crew', 'public.sailors', 'vessel', 'sailor');
select is(pg_temp.logged(), '-11 -34 +11 +34', 'declared under its new name, all download their scopes: while it had none they belonged to nothing');
select is(pg_temp.watched(), 'sailors', 'it is watched');
select is(pg_temp.ids_of('1') || '/' || pg_temp.ids_of('2') || '/' || pg_temp.ids_of('3'), '1//4', 'they have what is theirs');
select ok(not pg_temp.is_lost(), 'other devices go on where they were');

-- Made anew: 1 is no longer a member, 2 and 3 are.
select pg_temp.make('sailors_new', '{2,3}');
drop table public.sailors;
alter table public.sailors_new rename to sailors;
select tidemark.add_scope('crew', 'public.sailors', 'ship', 'sailor');
select is(pg_temp.logged(), '+22 +33', 'members of a table made anew join');
select is(pg_temp.watched(), 'sailors', 'it is watched');
select ok(pg_temp.is_lost(), 'and devices start afresh: no log says who left with the old one');
select is(pg_temp.ids_of('1') || '/' || pg_temp.ids_of('2') || '/' || pg_temp.ids_of('3'), '/2/3', 'with what is theirs now');

-- Made anew while the old one is kept.
alter table public.sailors rename to sailors_of_old;
select pg_temp.make('sailors', '{1,2}');
select tidemark.add_scope('crew', 'public.sailors', 'ship', 'sailor');
select is(pg_temp.logged(), '-22 -33 +11 +22', 'members of the kept one leave');
select is(pg_temp.watched(), 'sailors', 'which is watched no longer');
select ok(pg_temp.is_lost(), 'devices start afresh: the new one may have had others for a while');

-- Dropped, and declared with a table of another name.
drop table public.sailors;
select pg_temp.make('deckhands', '{3}');
select tidemark.add_scope('crew', 'public.deckhands', 'ship', 'sailor');
select is(pg_temp.logged(), '+33', 'members join by a table that follows a dropped one');
select ok(pg_temp.is_lost(), 'and devices start afresh');

-- Another table, while the old one is there: everything is known.
select tidemark.add_scope('crew', 'public.sailors_of_old', 'ship', 'sailor');
select is(pg_temp.logged(), '-33 +22 +33', 'where the old one is there and watched, its members leave and the new one''s join');
select ok(not pg_temp.is_lost(), 'and devices go on where they were');

select * from finish();
rollback;
