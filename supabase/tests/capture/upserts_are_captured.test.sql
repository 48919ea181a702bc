-- insert … on conflict and merge: what inserted is an insert, what updated an update, what did nothing nothing.
begin;
\ir ../helpers.psql
select plan(7);

create table public.upserted (id int primary key, name text);
select pg_temp.add_public_table('public.upserted');
create function pg_temp.logged() returns text language sql as $$
  select coalesce(string_agg(c.op || c.row_id || ':' || c.version, ' ' order by c.version, c.row_id), '')
  from pg_temp.log_of('upserted') c
$$;
insert into public.upserted values (1, 'a');

insert into public.upserted values (1, 'b'), (2, 'c') on conflict (id) do update set name = excluded.name, version = excluded.version;
select is(pg_temp.logged(), 'insert1:1 insert2:1 update1:2', 'on conflict do update is an insert and an update');
insert into public.upserted values (1, 'b'), (2, 'c') on conflict (id) do update set name = excluded.name;
select is(pg_temp.logged(), 'insert1:1 insert2:1 update1:2', 'one that writes the same values is nothing');
insert into public.upserted values (1, 'z') on conflict do nothing;
select is(pg_temp.logged(), 'insert1:1 insert2:1 update1:2', 'on conflict do nothing is nothing');
merge into public.upserted t using (values (1, 'm'), (3, 'n'), (2, null)) as s (id, name) on t.id = s.id
when matched and s.name is null then delete
when matched then update set name = s.name
when not matched then insert (id, name) values (s.id, s.name);
select is(
  (select string_agg(id || coalesce(name, '') || version || case when deleted_at is null then '' else '†' end, ' ' order by id) from public.upserted),
  '1m3 2c2† 3n1', 'merge inserts, updates and deletes softly'
);
select is(
  (select count(*) from pg_temp.log_of('upserted') c), 6::bigint,
  'and logs each of the three'
);
select throws_ok(
  $$insert into public.upserted values (2, 'back')$$, '23505', null, 'an id whose row was deleted stays taken'
);
insert into public.upserted values (2, 'back') on conflict (id) do update set name = excluded.name;
select isnt((select deleted_at from public.upserted where id = 2), null, 'an upsert does not bring a deleted row back');

select * from finish();
rollback;
