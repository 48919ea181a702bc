-- TRUNCATE asks no policy and fires no row trigger: devices would keep the rows for ever.
begin;
select plan(6);

create function pg_temp.sign_in(who uuid) returns void language sql as $$
  select set_config('role', 'authenticated', true),
    set_config('request.jwt.claims', json_build_object('sub', who, 'role', 'authenticated')::text, true)
$$;

create table public.untruncated (id int primary key);
create table public.untruncated_child (id int primary key, parent int references public.untruncated);
alter table public.untruncated enable row level security;
alter table public.untruncated_child enable row level security;
select tidemark.add_table('public.untruncated_child', 'public');
insert into public.untruncated values (1);
insert into public.untruncated_child values (1, 1);

select throws_like($$truncate public.untruncated_child$$, 'truncate_refused: %', 'truncate is refused');
select throws_ok($$truncate public.untruncated_child$$, 'TM010', null, 'with its code');
select throws_ok($$truncate public.untruncated cascade$$, 'TM010', null, 'also where a parent''s would cascade to it');
select pg_temp.sign_in('00000000-0000-4000-8000-00000000000a');
select throws_ok($$truncate public.untruncated_child$$, 'TM010', null, 'also for a role that was granted truncate');
reset role;
select is((select count(*) from public.untruncated_child), 1::bigint, 'nothing is lost');
select tidemark.remove_table('public.untruncated_child');
select lives_ok($$truncate public.untruncated_child$$, 'a table that is not synced may be truncated');

select * from finish();
rollback;
