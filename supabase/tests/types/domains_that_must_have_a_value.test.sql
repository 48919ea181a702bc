-- A domain that is not null, with and without a default.
begin;
select plan(9);

create domain public.must_have as text not null check (value <> '');
create domain public.must_count as int not null default 7;
create table public.strict (
  id int primary key, user_id uuid not null default auth.uid(), note text,
  title public.must_have, label public.must_have default 'none', n public.must_count
);
alter table public.strict enable row level security;
grant select, insert, update, delete on public.strict to authenticated;
create policy "own rows" on public.strict to authenticated using (user_id = (select auth.uid()));
select tidemark.add_table('public.strict', 'user:user_id');

create temp sequence seq;
create function pg_temp.push(mutation jsonb, options json default '{}', device text default '1') returns jsonb
language plpgsql
as $$
declare
  numbered json := jsonb_build_array(mutation || jsonb_build_object('seq', nextval('pg_temp.seq')));
  answer jsonb;
begin
  perform set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true),
    set_config('role', 'authenticated', true);
  answer := public.sync_push(format('00000000-0000-4000-8000-0000000000d%s', device)::uuid, numbered, options) -> 'results' -> 0;
  perform set_config('role', 'postgres', true);
  return answer;
end
$$;
create function pg_temp.pulled(name text, options jsonb default '{}') returns jsonb
language plpgsql
as $$
declare
  answer jsonb;
begin
  perform set_config('request.jwt.claims', '{"sub": "00000000-0000-4000-8000-00000000000a", "role": "authenticated"}', true),
    set_config('role', 'authenticated', true);
  answer := public.sync_pull('00000000-0000-4000-8000-0000000000d9', null, (jsonb_build_object('tables', array[name]) || options)::json) #> '{changes,0,upsert}';
  perform set_config('role', 'postgres', true);
  return answer;
end
$$;
select is(
  pg_temp.push('{"table": "strict", "op": "put", "id": "1", "data": {"title": "t", "label": "l", "n": 1}}') ->> 'status', 'applied',
  'a row with all of its values is stored'
);
select is(
  pg_temp.push('{"table": "strict", "op": "put", "id": "2", "data": {"title": "t"}}') ->> 'status', 'applied',
  'what has a default may be left out'
);
select is((select row(title, label, n)::text from public.strict where id = 2), '(t,none,7)', 'and gets it');
select is(
  pg_temp.push('{"table": "strict", "op": "put", "id": "3", "data": {"note": "no title"}}') #>> '{error,code}', 'constraint',
  'what has none may not'
);
select is(
  pg_temp.push('{"table": "strict", "op": "patch", "id": "1", "base": 1, "data": {"title": null}}') #>> '{error,code}', 'constraint',
  'nor be taken away'
);
select is(
  pg_temp.push('{"table": "strict", "op": "patch", "id": "1", "base": 1, "data": {"title": ""}}') #>> '{error,code}', 'constraint',
  'the domain''s check holds'
);
select is(
  pg_temp.push('{"table": "strict", "op": "patch", "id": "1", "base": 1, "data": {"note": "edited"}}') ->> 'status', 'applied',
  'an edit of another column is applied'
);
select is(
  pg_temp.push('{"table": "strict", "op": "patch", "id": "1", "base": 1, "data": {"title": "merged"}}', '{}', '2') ->> 'status', 'merged',
  'and one that is merged'
);
select is(
  pg_temp.push('{"table": "strict", "op": "delete", "id": "1", "base": 3}') ->> 'status', 'applied', 'and a delete'
);

select * from finish();
rollback;
