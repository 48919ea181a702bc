-- Where the log does not reach back to the base, it does not say which columns changed: all of them count as changed when
-- the row was.
begin;
\ir ../helpers.psql
select plan(7);

create table public.forgotten (id uuid primary key, user_id uuid not null default auth.uid(), name text, phone text);
alter table public.forgotten enable row level security;
create policy "own" on public.forgotten using (user_id = auth.uid());
create policy "the owner's friends" on public.forgotten using (true);
select tidemark.add_table('public.forgotten', 'user:user_id');
insert into public.forgotten select pg_temp.id(n), pg_temp.user_id('a'), 'a', '1' from generate_series(1, 6) n;
update public.forgotten set name = 'b';
update public.forgotten set name = 'c';
create function pg_temp.edit(n int, seq int, data json, at timestamptz, base int default 1) returns jsonb language sql as $$
  select pg_temp.push(json_build_array(json_build_object('seq', seq, 'table', 'forgotten', 'op', 'patch', 'id', pg_temp.id(n), 'base', base,
    'data', data, 'edited_at', at))) -> 0
$$;

select pg_temp.sign_in('a');
select is(pg_temp.edit(1, 1, '{"phone":"2"}', '2026-01-01') ->> 'lost', null, 'with its history an edit of another column merges');
select pg_temp.sign_out();
delete from tidemark.sync_changes c where c.row_id = pg_temp.id(2)::text and c.version = 2;
delete from tidemark.sync_changes c where c.row_id = pg_temp.id(3)::text;
select pg_temp.sign_in('a');
select is(pg_temp.edit(2, 2, '{"phone":"2"}', '2026-01-01') -> 'lost', '["phone"]', 'with a gap in it the edit loses to the newer row');
select is(pg_temp.edit(3, 3, '{"phone":"2"}', '2026-01-01') -> 'lost', '["phone"]', 'with none at all as well');
select is(
  pg_temp.edit(3, 4, '{"phone":"2"}', now()) @> '{"status":"merged","row":{"name":"c","phone":"2"}}', true, 'and wins over an older row'
);
select is(
  pg_temp.push(json_build_array(json_build_object('seq', 5, 'table', 'forgotten', 'op', 'delete', 'id', pg_temp.id(3), 'base', 1, 'edited_at', '2026-01-01'))) #>> '{0,status}',
  'conflict', 'a delete is judged by the row''s last change'
);
select pg_temp.sign_out();
insert into public.forgotten values (pg_temp.id(7), pg_temp.user_id('b'), 'a', '1');
update public.forgotten set name = 'b' where id = pg_temp.id(7);
update public.forgotten set user_id = pg_temp.user_id('a') where id = pg_temp.id(7);
select pg_temp.sign_in('a');
select is(
  pg_temp.edit(7, 6, '{"name":"c"}', '2026-01-01') -> 'lost', '["name"]', 'history in a scope that the user is not in does not count as known'
);
select is(
  pg_temp.edit(7, 7, '{"phone":"9"}', '2026-01-01', 99) ->> 'status', 'conflict', 'a base from the future has no history'
);

select * from finish();
rollback;
