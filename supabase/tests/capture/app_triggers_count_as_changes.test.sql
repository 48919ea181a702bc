-- What the app's own triggers make of a row is what gets stamped and logged, whatever they are called.
begin;
\ir ../helpers.psql
select plan(6);

create table public.triggered (id int primary key, name text, shouted text, touched timestamptz);
select pg_temp.add_public_table('public.triggered');
create function public.triggered_shout() returns trigger language plpgsql as $$
begin
  new.shouted := upper(new.name) || coalesce(current_setting('test.suffix', true), '');
  return new;
end
$$;
create trigger "~last_of_all" before insert or update on public.triggered for each row execute function public.triggered_shout();

insert into public.triggered (id, name) values (1, 'a');
update public.triggered set name = 'b';
select results_eq(
  $$select version, shouted from public.triggered$$, $$values (2::bigint, 'B')$$, 'what a trigger writes that fires after the stamp is stored'
);
select is(
  (select c.columns from pg_temp.log_of('triggered') c where c.op = 'update'),
  '{name,shouted}', 'the log names what the trigger changed, too'
);
select set_config('test.suffix', '!', true);
update public.triggered set name = name;
select results_eq(
  $$select version, shouted from public.triggered$$, $$values (3::bigint, 'B!')$$,
  'a change that only a trigger makes counts a version'
);

create table public.touched (id int primary key, name text);
select pg_temp.add_public_table('public.touched');
create function public.touch() returns trigger language plpgsql as $$
begin
  new.updated_at := clock_timestamp() + interval '1 hour';
  return new;
end
$$;
create trigger update_updated_at before update on public.touched for each row execute function public.touch();
insert into public.touched values (1, 'a');
update public.touched set name = name;
select results_eq(
  $$select version, updated_at from public.touched$$, $$values (1::bigint, now())$$, 'a trigger that only sets updated_at makes no change'
);
update public.touched set name = 'b';
select is((select updated_at from public.touched), now(), 'and does not choose updated_at');

-- A trigger that writes the same row again, after the fact.
create table public.recounted (id int primary key, name text, words int);
select pg_temp.add_public_table('public.recounted');
create function public.recount() returns trigger language plpgsql as $$
begin
  update public.recounted set words = length(new.name) where id = new.id;
  return null;
end
$$;
create trigger recount after update of name on public.recounted for each row execute function public.recount();
insert into public.recounted values (1, 'a');
update public.recounted set name = 'abc';
select is(
  (select string_agg(c.version || array_to_string(c.columns, ','), ' ' order by c.version) from pg_temp.log_of('recounted') c where c.op = 'update'),
  '2name 3words', 'a write inside of a write is an entry of its own'
);

select * from finish();
rollback;
