-- The key of a scope is text on the wire: what the members table and the rows hold must come to the same.
begin;
\ir ../helpers.psql
select plan(17);

-- The caller's scopes in which a table has rows, and their ids.
create function pg_temp.rows_by_scope(table_name text) returns text language sql as $$
  select string_agg(c ->> 'scope' || '=' || (select string_agg(u ->> 'id', ',' order by u ->> 'id') from jsonb_array_elements(c -> 'upsert') u), ' '
    order by c ->> 'scope' collate "C")
  from jsonb_array_elements(pg_temp.pull(null, json_build_object('tables', array[table_name])) -> 'changes') c
$$;

create temp table kinds (n int generated always as identity, members_type text, row_type text, mine text[], others text);
insert into kinds (members_type, row_type, mine, others) values
  ('uuid', 'uuid', '{a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a11,a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a12}', 'a0eebc99-9c0b-4ef8-bb6d-6bb9bd380a13'),
  ('bigint', 'bigint', '{-9007199254740993,10,9}', '90'),
  ('text', 'text', '{a:b,"","with space",ünï 日本,"quote '' \" ,","{}","null","%s"}', 'a'),
  ('varchar(20)', 'varchar(30)', '{x,"trailing  "}', 'trailing'),
  ('smallint', 'smallint', '{-1,0}', '1');

create function pg_temp.make(k kinds) returns void
language plpgsql
as $$
begin
  execute format('create table public.kind_members_%s (key %s not null, user_id uuid not null, primary key (user_id, key))', k.n, k.members_type);
  execute format('create table public.kind_rows_%s (id int primary key, key %s not null)', k.n, k.row_type);
  execute format('alter table public.kind_rows_%s enable row level security', k.n);
  execute format('grant select on public.kind_rows_%s to authenticated', k.n);
  execute format('create policy "all" on public.kind_rows_%s to authenticated using (true)', k.n);
  perform tidemark.add_scope('kind' || k.n, ('public.kind_members_' || k.n)::regclass, 'key', 'user_id');
  perform tidemark.add_table(('public.kind_rows_' || k.n)::regclass, 'kind' || k.n || ':key');
  execute format('insert into public.kind_rows_%s select n, m::%s from unnest($1) with ordinality as u (m, n)', k.n, k.row_type) using k.mine || k.others;
  execute format('insert into public.kind_members_%s select m::%s, %L from unnest($1) m', k.n, k.members_type, pg_temp.user_id('a')) using k.mine;
  execute format('insert into public.kind_members_%s select $1::%s, %L', k.n, k.members_type, pg_temp.user_id('b')) using k.others;
end
$$;
select pg_temp.make(k) from kinds k;

select is(
  pg_temp.rows_by_scope('kind_rows_' || k.n),
  (select string_agg('kind' || k.n || ':' || m || '=' || i, ' ' order by 'kind' || k.n || ':' || m collate "C") from unnest(k.mine) with ordinality as u (m, i)),
  format('%s keys and %s rows: the caller''s scopes, whole', k.members_type, k.row_type)
)
from kinds k;
select is(
  (select string_agg(j, ' ' order by j collate "C") from jsonb_array_elements_text(pg_temp.pull_news('kind_rows_' || k.n) -> 'joined') j),
  (select string_agg(j, ' ' order by j collate "C") from kinds o, lateral (select 'kind' || o.n || ':' || m as j from unnest(o.mine) m) x),
  format('%s keys and %s rows: joining names the same scopes', k.members_type, k.row_type)
)
from kinds k where k.n in (1, 2, 3);

-- The scope of an entry is the scope of its row.
create function pg_temp.logged(n int) returns boolean
language plpgsql
as $$
declare
  same boolean;
begin
  execute format('update public.kind_rows_%s set id = id + 100', n);
  execute format($q$
    select bool_and(c.scope = 'kind%1$s:' || r.key) and count(*) = (select count(*) from public.kind_rows_%1$s)
    from tidemark.sync_changes c join tidemark.live_tables t using (table_no) join public.kind_rows_%1$s r on r.id::text = c.row_id
    where t.name = 'kind_rows_%1$s' and c.op = 'insert' and r.id > 100 $q$, n) into same;
  return same;
end
$$;
select ok(pg_temp.logged(k.n), format('%s keys: the log says the same', k.row_type)) from kinds k;

-- Types that cannot come to the same are refused when the table is added.
create table public.kind_members_bad (key text not null, user_id uuid not null, primary key (user_id, key));
create table public.kind_padded (key char(5) not null, user_id uuid not null, primary key (user_id, key));
create table public.kind_rows_bad (id int primary key, key uuid not null, at timestamptz not null default now(), padded char(5) not null default 'x');
alter table public.kind_rows_bad enable row level security;
select tidemark.add_scope('kindbad', 'public.kind_members_bad', 'key', 'user_id');
select throws_ok($$ select tidemark.add_scope('kindpadded', 'public.kind_padded', 'key', 'user_id') $$, 'TM004', null,
  'a padded key has two spellings: refused');
select throws_ok($$ select tidemark.add_table('public.kind_rows_bad', 'kindbad:key') $$, 'TM004', null, 'text keys and uuid rows do not: refused');
select throws_ok($$ select tidemark.add_table('public.kind_rows_bad', 'kindbad:at') $$, 'TM004', null, 'a time stamp is printed by time zone: refused');
select throws_ok($$ select tidemark.add_table('public.kind_rows_bad', 'kindbad:padded') $$, 'TM004', null, 'a padded column likewise');

select * from finish();
rollback;
