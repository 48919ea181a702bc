-- Purging needs no job runner: pg_cron is used where it is installed, and elsewhere tidemark.purge() is called.
-- Where the server has no pg_cron (the local stack's has not), a schema with its call stands in for it.
begin;
\ir ../helpers.psql
select plan(7);

create function pg_temp.jobs() returns bigint
language plpgsql
as $$
declare
  n bigint := 0;
begin
  if to_regclass('cron.job') is not null then
    execute $q$ select count(*) from cron.job where jobname = 'tidemark-purge' $q$ into n;
  end if;
  return n;
end
$$;
select is(
  pg_temp.jobs(), (select count(*) from pg_extension where extname = 'pg_cron'),
  'there is one nightly job where pg_cron was installed first, and none where it was not'
);
select lives_ok('select tidemark.purge()', 'the call works without a job');

select is(
  tidemark.schedule_purge(), to_regprocedure('cron.schedule(text,text,text)') is not null,
  'scheduling says whether there was something to schedule by'
);

do $$
begin
  if to_regprocedure('cron.schedule(text,text,text)') is null then
    create schema cron;
    create table cron.job (jobid bigint generated always as identity, jobname text unique, schedule text, command text);
    create function cron.schedule(job_name text, schedule text, command text) returns bigint
    language sql
    as $f$
      insert into cron.job as j (jobname, schedule, command) values (job_name, schedule, command)
      on conflict (jobname) do update set schedule = excluded.schedule, command = excluded.command
      returning j.jobid
    $f$;
  end if;
end
$$;
select ok(tidemark.schedule_purge(), 'pg_cron that comes later is used by one call');
select ok(tidemark.schedule_purge(), 'which may be repeated');
select is(pg_temp.jobs(), 1::bigint, 'and leaves one job');
select lives_ok((select command from cron.job where jobname = 'tidemark-purge'), 'whose command runs');

select * from finish();
rollback;
