-- A project without Realtime: writes go on, and enabling says so.
begin;
\ir ../helpers.psql
select plan(2);

create table public.unheard (id int primary key);
select pg_temp.add_public_table('public.unheard');

-- The schema belongs to Realtime: what the project's owner cannot rename, the test leaves out.
do $$
begin
  alter function realtime.send(jsonb, text, text, boolean) rename to send_elsewhere;
  alter function realtime.topic() rename to topic_elsewhere;
exception when insufficient_privilege then
  perform set_config('test.hosted', 'true', true);
end
$$;
select case when current_setting('test.hosted', true) = 'true'
  then skip('Realtime belongs to another role here', 2)
  else collect_tap(
    lives_ok('insert into public.unheard values (1)', 'a write goes on'),
    is(tidemark.enable_realtime(), false, 'enabling returns false')
  ) end;

select * from finish();
rollback;
