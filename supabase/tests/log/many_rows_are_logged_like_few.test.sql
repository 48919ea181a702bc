-- A statement of many rows is logged by other SQL than one of few. Both say the same of every kind of change.
begin;
\ir ../helpers.psql
select plan(5);

create table public.alike (id int primary key, owner uuid not null, name text, tags text[] not null default '{}');
alter table public.alike enable row level security;
select tidemark.add_table('public.alike', 'user:owner');
create function pg_temp.person(n int) returns uuid language sql as $$
  select ('00000000-0000-4000-8000-' || lpad(n::text, 12, 'f'))::uuid
$$;
-- Rows from `first` on, `n` of them for each kind of change; then the changes, in one statement.
create function pg_temp.play(first int, n int) returns void language plpgsql as $$
begin
  insert into public.alike select first + i, pg_temp.person(1), 'a' from generate_series(0, n * 6 - 1) i;
  update public.alike a
  set name = case (a.id - first) / n when 0 then 'b' when 5 then 'b' else a.name end,
    tags = case (a.id - first) / n when 0 then '{x}' else a.tags end,
    owner = case (a.id - first) / n when 1 then pg_temp.person(2) else a.owner end,
    deleted_at = case (a.id - first) / n when 3 then now() when 5 then now() end,
    id = case (a.id - first) / n when 4 then a.id + 100000 else a.id end
  where a.id >= first and a.id < first + n * 6;
end
$$;
-- What was logged of each kind after the insert: operation, version, columns, scope; and how often.
create function pg_temp.logged(first int, n int) returns table (line text, times bigint) language sql as $$
  with ours as materialized (
    select c.* from pg_temp.log_of('alike') c
  )
  select concat_ws(' ', (c.row_id::int % 100000 - first) / n, c.op, c.version, (select string_agg(k, ',' order by k) from unnest(c.columns) k), right(c.scope, 1)), count(*)
  from ours c
  where (c.op <> 'insert' or c.row_id::int > 100000) and c.row_id::int % 100000 >= first and c.row_id::int % 100000 < first + n * 6
  group by 1
$$;

select pg_temp.play(1000, 1), pg_temp.play(2000, 100);
select results_eq(
  $$select l.line, l.times from pg_temp.logged(1000, 1) l order by l.line collate "C"$$,
  $$values ('0 update 2 name,tags 1', 1::bigint), ('1 leave 2 1', 1), ('1 update 2 owner 2', 1), ('3 delete 2 1', 1), ('4 delete 2 1', 1), ('4 insert 2 1', 1), ('5 delete 2 1', 1)$$,
  'an edit, a move, a tombstone, another id; what was set to what it was is not logged'
);
select results_eq(
  $$select l.line, l.times from pg_temp.logged(2000, 100) l order by l.line collate "C"$$,
  $$select l.line, l.times * 100 from pg_temp.logged(1000, 1) l order by l.line collate "C"$$, 'of many rows each has the same entries'
);

-- Edits of a device: who, which, and when, for the rows that it named.
select set_config('tidemark.device', '00000000-0000-4000-9004-000000000001', true),
  set_config('tidemark.edited_rows', '{1000,2000}', true), set_config('tidemark.edited_at', '{2026-01-01T00:00:00Z,2026-01-02T00:00:00Z}', true);
update public.alike set name = 'c' where id = 1000;
update public.alike set name = 'c' where id between 2000 and 2199;
select set_config('tidemark.device', '', true), set_config('tidemark.edited_rows', '', true), set_config('tidemark.edited_at', '', true);
select results_eq(
  $$select c.row_id::int, c.edited_at from tidemark.sync_changes c where c.device_id = '00000000-0000-4000-9004-000000000001' and c.edited_at is not null order by 1$$,
  $$values (1000, '2026-01-01T00:00:00Z'::timestamptz), (2000, '2026-01-02T00:00:00Z')$$, 'an edit has the device''s instant'
);
select is(
  (select count(*) from tidemark.sync_changes c where c.device_id = '00000000-0000-4000-9004-000000000001'), 201::bigint, 'and all rows name it'
);
select is(
  (select count(*) from pg_temp.log_of('alike') c where c.op <> 'update' and c.columns is not null),
  0::bigint, 'only updates name columns'
);

select * from finish();
rollback;
