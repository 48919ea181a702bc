-- A row's checksum is the first eight hexadecimal digits of md5('<id>:<version>'); a set's is the sum
-- of its rows' modulo 2^32. Computed here by another road than the database's own.
begin;
\ir ../helpers.psql
select plan(17);

create function pg_temp.checksum(rows_there text[]) returns numeric
language sql
as $$
  select coalesce(sum(('0x' || left(md5(r), 8))::bigint::numeric), 0) % (2 ^ 32)::numeric from unnest(rows_there) r
$$;

create table public.checked (id uuid primary key, user_id uuid not null default auth.uid(), name text);
create table public.checked_backwards (id uuid primary key, user_id uuid not null default auth.uid(), name text);
create table public.checked_notes (id text primary key, body text, secret boolean not null default false);
alter table public.checked_notes enable row level security;
grant select, insert, update, delete on public.checked, public.checked_backwards, public.checked_notes to authenticated;
create policy "no secrets" on public.checked_notes to authenticated using (not secret);
select pg_temp.add_own_table('public.checked');
select pg_temp.add_own_table('public.checked_backwards');
select tidemark.add_table('public.checked_notes', 'public');

insert into public.checked (id, user_id)
select ('00000000-0000-4000-8000-00000000000' || n)::uuid, pg_temp.user_id('a') from generate_series(1, 3) n;
insert into public.checked_backwards (id, user_id)
select ('00000000-0000-4000-8000-00000000000' || n)::uuid, pg_temp.user_id('a') from generate_series(3, 1, -1) n;
insert into public.checked (id, user_id) values ('00000000-0000-4000-8000-0000000000bb', pg_temp.user_id('b'));
insert into public.checked_notes (id, secret) values ('a: b', false), ('ü', false), ('hidden', true);

-- What sync_verify says of one table, for user a.
create function pg_temp.verified(name text) returns jsonb language sql as $$
  select pg_temp.as_user('a', format('public.sync_verify(array[%L])', name))
$$;

select is(
  pg_temp.verified('checked'),
  '[{"scope": "user:00000000-0000-4000-8000-00000000000a", "table": "checked", "count": 3, "checksum": 2278765203}]'::jsonb,
  'three new rows have the checksum that any language computes'
);
select is(
  (pg_temp.verified('checked') #>> '{0,checksum}')::numeric,
  (select pg_temp.checksum(array_agg(c.id || ':' || c.version)) from public.checked c where c.user_id = pg_temp.user_id('a')),
  'by its definition, too'
);
select is(
  pg_temp.verified('checked_backwards') #> '{0,checksum}', pg_temp.verified('checked') #> '{0,checksum}',
  'the order of the rows does not matter'
);
select is(
  pg_temp.verified('checked_notes'),
  jsonb_build_array(jsonb_build_object('scope', 'public', 'table', 'checked_notes', 'count', 2, 'checksum', pg_temp.checksum(array['a: b:1', 'ü:1']))),
  'ids are taken as they are printed, in UTF-8; rows that a policy hides do not count'
);

-- Any change shows.
create temp table sums (step text, checksum jsonb);
insert into sums values ('new', pg_temp.verified('checked') -> 0);
update public.checked set name = 'changed' where id = pg_temp.id(2);
select is((pg_temp.verified('checked') #>> '{0,checksum}')::bigint, 507205624::bigint, 'an edit changes the checksum');
insert into sums values ('edited', pg_temp.verified('checked') -> 0);
update public.checked set name = null where id = pg_temp.id(2);
insert into sums values ('edited back', pg_temp.verified('checked') -> 0);
insert into public.checked (id, user_id) values ('00000000-0000-4000-8000-000000000004', pg_temp.user_id('a'));
insert into sums values ('inserted', pg_temp.verified('checked') -> 0);
delete from public.checked where id = pg_temp.id(4);
insert into sums values ('deleted', pg_temp.verified('checked') -> 0);
update public.checked set id = pg_temp.id(9) where id = pg_temp.id(3);
insert into sums values ('renamed', pg_temp.verified('checked') -> 0);
select is((select checksum from sums where step = 'deleted'), (select checksum from sums where step = 'edited back'),
  'a deleted row counts no more, and the others as before');
select is((select count(distinct checksum) from sums), 5::bigint, 'every other change makes another sum, also one that puts a value back');
update public.checked set name = name;
select is(pg_temp.verified('checked') -> 0, (select checksum from sums where step = 'renamed'), 'an update that changes nothing changes no checksum');

-- A row that moves to another user.
update public.checked set user_id = pg_temp.user_id('b') where id = pg_temp.id(1);
select is(pg_temp.verified('checked') #> '{0,count}', '2', 'a row counts with its owner');
delete from public.checked where user_id = pg_temp.user_id('a');
select is(pg_temp.verified('checked'), '[]'::jsonb, 'a scope without rows is left out');

-- Which tables.
select pg_temp.sign_in('a');
select is(
  (select array_agg(v ->> 'table' order by v ->> 'table') from json_array_elements(public.sync_verify(array['checked_notes', 'checked_backwards'])) v),
  array['checked_backwards', 'checked_notes'], 'the tables that are asked for'
);
select ok(
  (select array_agg(v ->> 'table') from json_array_elements(public.sync_verify()) v) @> array['checked_backwards', 'checked_notes'],
  'all of them when none is named'
);
select is(public.sync_verify('{}')::text, '[]', 'none when an empty list is');
select throws_ok($$ select public.sync_verify(array['checked', 'pg_class']) $$, 'PT400', 'malformed', 'a table that is not synced is refused');
select pg_temp.sign_in('b');
select is(
  (select sum((v ->> 'count')::int) from json_array_elements(public.sync_verify(array['checked'])) v), 2::bigint,
  'another user sees the sums of their own rows'
);
select set_config('request.jwt.claims', '', true);
select throws_ok($$ select public.sync_verify() $$, 'PT401', 'not_signed_in', 'there are no checksums without signing in');
set local role anon;
select throws_ok($$ select public.sync_verify() $$, '42501', null, 'nor as anon');
reset role;

select * from finish();
rollback;
