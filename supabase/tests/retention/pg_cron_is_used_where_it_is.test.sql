-- Purging needs no job runner: pg_cron is used where it is installed, and elsewhere tidemark.purge() is called.
begin;
select plan(2);

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

select * from finish();
rollback;
