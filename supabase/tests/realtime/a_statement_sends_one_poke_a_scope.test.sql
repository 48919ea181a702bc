-- A statement sends one poke for each scope that it changed, and a poke says nothing but which.
begin;
\ir ../helpers.psql
select plan(11);

create table public.poked_members (club text not null, user_id uuid not null, primary key (club, user_id));
create table public.poked (id int primary key, club text not null, name text);
alter table public.poked enable row level security;
select tidemark.add_scope('pokedclub', 'public.poked_members', 'club', 'user_id');
select tidemark.add_table('public.poked', 'pokedclub:club');

create temp table seen (id uuid);
create function pg_temp.pokes() returns setof text
language sql
as $$
  with news as (insert into seen select m.id from realtime.messages m where m.id not in (select s.id from seen s) returning id)
  select m.topic from realtime.messages m join news n using (id)
  where m.topic ~ '^tidemark:(pokedclub:|user:00000000-0000-4000-8000-00000000000a)'
$$;

insert into public.poked values (1, 'chess'), (2, 'chess'), (3, 'go');
select set_eq('select pg_temp.pokes()', $$values ('tidemark:pokedclub:chess'), ('tidemark:pokedclub:go')$$, 'an insert of three rows in two scopes');
select results_eq(
  $$select distinct payload - 'id', event, private, extension from realtime.messages where topic = 'tidemark:pokedclub:chess'$$,
  $$values ('{"scope": "pokedclub:chess"}'::jsonb, 'poke', true, 'broadcast')$$,
  'names the scope, on a private topic, and no content');

update public.poked set name = 'x' where club = 'chess';
select bag_eq('select pg_temp.pokes()', $$values ('tidemark:pokedclub:chess')$$, 'an update of two rows of one scope: once');
update public.poked set name = 'x' where club = 'chess';
select is_empty('select pg_temp.pokes()', 'an update that changes nothing: none');
update public.poked set club = 'go' where id = 1;
select set_eq('select pg_temp.pokes()', $$values ('tidemark:pokedclub:chess'), ('tidemark:pokedclub:go')$$, 'a row that moves: both');
delete from public.poked where id = 3;
select bag_eq('select pg_temp.pokes()', $$values ('tidemark:pokedclub:go')$$, 'a delete: once');

insert into public.poked_members values ('chess', pg_temp.user_id('a'));
select bag_eq('select pg_temp.pokes()', $$values ('tidemark:user:00000000-0000-4000-8000-00000000000a')$$, 'a new member is told on their own topic');
delete from public.poked_members;
select bag_eq('select pg_temp.pokes()', $$values ('tidemark:user:00000000-0000-4000-8000-00000000000a')$$, 'and a removed one');

-- More scopes than a statement should send messages to.
create function pg_temp.in_clubs(clubs int) returns table (topic text, n bigint)
language plpgsql
as $$
begin
  delete from public.poked;
  delete from seen;
  insert into seen select m.id from realtime.messages m;
  insert into public.poked (id, club) select clubs * 10000 + i, 'many' || i from generate_series(1, clubs) i;
  return query select case when m.topic like 'tidemark:pokedclub:many%' then 'of its club' else m.topic end, count(*)
    from realtime.messages m where m.id not in (select s.id from seen s) group by 1;
end
$$;
select results_eq('select * from pg_temp.in_clubs(1000)', $$values ('of its club', 1000::bigint)$$, 'a thousand scopes are told one by one');
select results_eq('select * from pg_temp.in_clubs(1001)', $$values ('tidemark:public', 1::bigint)$$, 'of more all are told at once, on the topic that every user listens to');
select is(
  (select m.payload ->> 'scope' from realtime.messages m where m.id not in (select s.id from seen s)), 'public', 'with its name'
);

select * from finish();
rollback;
