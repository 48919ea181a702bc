-- The policy on realtime.messages shows a poke to the members of its scope and to nobody else.
begin;
\ir ../helpers.psql
select plan(12);

create table public.heard_members (club text not null, user_id uuid not null, primary key (club, user_id));
create table public.heard (id int primary key, club text not null);
alter table public.heard enable row level security;
select tidemark.add_scope('heardclub', 'public.heard_members', 'club', 'user_id');
select tidemark.add_table('public.heard', 'heardclub:club');
insert into public.heard_members values ('chess', pg_temp.user_id('a'));

-- As Realtime asks: is a message of that topic, written and rolled back, shown to this user?
create function pg_temp.may_hear(topic text, role text, name text default null) returns boolean
language plpgsql
as $$
declare
  message uuid;
  visible boolean;
begin
  insert into realtime.messages (topic, extension, private) values (topic, 'broadcast', true) returning id into message;
  perform set_config('realtime.topic', topic, true),
    set_config('request.jwt.claims', json_build_object('sub', pg_temp.user_id(name), 'role', role)::text, true),
    set_config('role', role, true);
  visible := exists (select from realtime.messages m where m.id = message);
  perform set_config('role', 'postgres', true);
  return visible;
end
$$;

select ok(pg_temp.may_hear('tidemark:heardclub:chess', 'authenticated', 'a'), 'a member');
select ok(pg_temp.may_hear('tidemark:user:00000000-0000-4000-8000-00000000000a', 'authenticated', 'a'), 'of their own scope');
select ok(pg_temp.may_hear('tidemark:public', 'authenticated', 'b'), 'everybody signed in, of the public one');
select ok(not pg_temp.may_hear('tidemark:heardclub:chess', 'authenticated', 'b'), 'not a stranger');
select ok(not pg_temp.may_hear('tidemark:user:00000000-0000-4000-8000-00000000000a', 'authenticated', 'b'), 'nor of somebody else');
select ok(not pg_temp.may_hear('tidemark:heardclub:go', 'authenticated', 'a'), 'not of another club');
select ok(not pg_temp.may_hear('tidemark:heardclub:%', 'authenticated', 'a'), 'a pattern is no scope');
select ok(not pg_temp.may_hear('heardclub:chess', 'authenticated', 'a'), 'topics of the app are not opened');
select ok(not pg_temp.may_hear('tidemark:public', 'anon'), 'not anon');
select ok(not pg_temp.may_hear('tidemark:user:', 'authenticated', null), 'not somebody without an id');

delete from public.heard_members;
select ok(not pg_temp.may_hear('tidemark:heardclub:chess', 'authenticated', 'a'), 'not a member who was removed');
select lives_ok('select tidemark.enable_realtime(), tidemark.enable_realtime()', 'enabling is safe to repeat');

select * from finish();
rollback;
