-- add_table is written in migrations that run again and again: the second call repairs, it never
-- duplicates, and rows, versions and log stay as they are. (With another scope the log goes too.)
begin;
\ir ../helpers.psql
select plan(7);

create table public.again (id uuid primary key default gen_random_uuid(), user_id uuid not null, team uuid not null, tags text[]);
alter table public.again enable row level security;
select tidemark.add_table('public.again', 'user:user_id');
insert into public.again (user_id, team) values (pg_temp.user_id('a'), pg_temp.user_id('b'));
update public.again set tags = '{a}';

create function pg_temp.picture() returns text language sql as $$
  select md5(concat(
    (select jsonb_agg(to_jsonb(t) - 'added_at') from tidemark.sync_tables t where t.name = 'again'),
    (select jsonb_agg(pg_get_triggerdef(g.oid) order by g.tgname) from pg_trigger g where g.tgrelid = 'public.again'::regclass),
    (select jsonb_agg(pg_get_indexdef(i.indexrelid) order by 1) from pg_index i where i.indrelid = 'public.again'::regclass),
    (select jsonb_agg(to_jsonb(a)) from public.again a),
    (select jsonb_agg(to_jsonb(c) order by c.id) from pg_temp.log_of('again') c)))
$$;
select set_config('test.before', pg_temp.picture(), true);

select tidemark.add_table('public.again', 'user:user_id');
select is(pg_temp.picture(), current_setting('test.before'), 'the same call again changes nothing');

select tidemark.add_table('public.again', 'user:team', 'server_wins', '{"tags":"union"}');
select results_eq(
  $$select t.scope_column, t.conflict, t.columns from tidemark.sync_tables t where t.name = 'again'$$,
  $$values ('team', 'server_wins', '{"tags":"union"}'::jsonb)$$, 'another call changes scope, policy and rules'
);
update public.again set tags = '{b}';
select is(
  (select c.scope from pg_temp.log_of('again') c order by c.id desc limit 1),
  'user:00000000-0000-4000-8000-00000000000b', 'changes go to the new scope from then on'
);
select results_eq(
  $$select pg_get_indexdef(i.indexrelid, 1, true) from pg_index i where i.indrelid = 'public.again'::regclass and not i.indisprimary$$,
  array['team'], 'the index follows the scope, and the old one is gone'
);

drop trigger tidemark_log_update on public.again;
drop trigger tidemark_delete on public.again;
select tidemark.add_table('public.again', 'user:user_id');
select is(
  (select count(*) from pg_trigger g where g.tgrelid = 'public.again'::regclass and g.tgname like '%tidemark%'), 8::bigint,
  'a trigger that was dropped comes back'
);
select is((select a.version from public.again a), 3::bigint, 'rows keep their versions');
select tidemark.add_table('public.again', 'public');
select is(
  (select count(*) from pg_index i where i.indrelid = 'public.again'::regclass), 1::bigint,
  'a table that becomes public loses the scope''s index'
);

select * from finish();
rollback;
