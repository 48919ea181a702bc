-- The policy on realtime.messages shows a poke to the members of its scope alone.
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

select ok(pg_temp.may_hear('tidemark:heardclub:chess', 'authenticated', 'a'), 'a member listens to the scope');
select ok(pg_temp.may_hear('tidemark:user:00000000-0000-4000-8000-00000000000a', 'authenticated', 'a'), 'a user listens to their own scope');
select ok(pg_temp.may_hear('tidemark:public', 'authenticated', 'b'), 'every signed-in user listens to the public scope');
select ok(not pg_temp.may_hear('tidemark:heardclub:chess', 'authenticated', 'b'), 'a user who is no member does not listen to the scope');
select ok(not pg_temp.may_hear('tidemark:user:00000000-0000-4000-8000-00000000000a', 'authenticated', 'b'), 'a user does not listen to the scope of another user');
select ok(not pg_temp.may_hear('tidemark:heardclub:go', 'authenticated', 'a'), 'a member of one club does not listen to another');
select ok(not pg_temp.may_hear('tidemark:heardclub:%', 'authenticated', 'a'), 'a pattern is no scope');
select ok(not pg_temp.may_hear('heardclub:chess', 'authenticated', 'a'), 'topics of the app are not opened');
select ok(not pg_temp.may_hear('tidemark:public', 'anon'), 'anon listens to nothing');
select ok(not pg_temp.may_hear('tidemark:user:', 'authenticated', null), 'a token without a user id listens to nothing');

delete from public.heard_members;
select ok(not pg_temp.may_hear('tidemark:heardclub:chess', 'authenticated', 'a'), 'a member who was removed does not listen any more');
select lives_ok('select tidemark.enable_realtime(), tidemark.enable_realtime()', 'enabling is safe to repeat');

select * from finish();
rollback;
