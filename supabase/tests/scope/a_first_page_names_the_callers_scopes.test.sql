-- A device has to know its scopes before they hold a row: where it listens for pokes, for one.
begin;
\ir ../helpers.psql
select plan(3);

create table public.named_members (club text not null, user_id uuid not null, primary key (club, user_id));
create table public.named (id int primary key, club text not null);
alter table public.named enable row level security;
grant select on public.named to authenticated;
insert into public.named_members values
  ('chess', pg_temp.user_id('a')),
  ('go', pg_temp.user_id('a')),
  ('bridge', pg_temp.user_id('b'));
select tidemark.add_scope('namedclub', 'public.named_members', 'club', 'user_id');
select tidemark.add_table('public.named', 'namedclub:club');
-- Whether entries of the transaction itself are new to a cursor depends on what others commit meanwhile.
delete from tidemark.sync_changes;

create temp table first_page as select pg_temp.pull(null, '{"tables": ["named"]}') as page;
select is(
  (select array_agg(j order by j) from first_page, jsonb_array_elements_text(page -> 'joined') j where j like 'namedclub:%'),
  '{namedclub:chess,namedclub:go}', 'a first page names them, though they are empty'
);
select is((select count(*) from first_page, jsonb_array_elements_text(page -> 'joined') j where j in ('public') or j like 'user:%'), 0::bigint,
  'and not those that everybody has');
select is(pg_temp.pull((select page -> 'cursor' from first_page), '{"tables": ["named"]}') ->> 'joined', '[]', 'the next one says what is new');

select * from finish();
rollback;
