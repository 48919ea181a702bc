-- "old" says what the columns held before: what an edit did not change cannot overwrite what others did.
begin;
\ir ../helpers.psql
select plan(3);

create table public.priors (id uuid primary key, user_id uuid not null default auth.uid(), name text, phone text);
select pg_temp.add_own_table('public.priors');
insert into public.priors select pg_temp.id(n), pg_temp.user_id('a'), 'a', '1' from generate_series(1, 3) n;
select pg_temp.sign_in('a');
select pg_temp.push(json_build_array(
  json_build_object('seq', 1, 'table', 'priors', 'op', 'patch', 'id', pg_temp.id(1), 'base', 1, 'data', '{"name":"theirs"}'::json, 'edited_at', '2026-01-01T10:00:00Z'),
  json_build_object('seq', 2, 'table', 'priors', 'op', 'patch', 'id', pg_temp.id(2), 'base', 1, 'data', '{"name":"theirs"}'::json, 'edited_at', '2026-01-01T10:00:00Z')), device => 2);
select is(
  pg_temp.push('[{"seq":1,"table":"priors","op":"put","id":"00000000-0000-4000-8000-000000000001","base":1,"data":{"name":"a","phone":"2"},"old":{"name":"a","phone":"1"},"edited_at":"2026-01-01T11:00:00Z"}]') #> '{0}' @> '{"status":"merged","row":{"name":"theirs","phone":"2"}}',
  true, 'a whole row sent back does not undo what it did not change'
);
select is(
  pg_temp.push('[{"seq":2,"table":"priors","op":"put","id":"00000000-0000-4000-8000-000000000002","base":1,"data":{"name":"mine","phone":"2"},"old":{"name":"a","phone":"1"},"edited_at":"2026-01-01T11:00:00Z"}]') #> '{0}' @> '{"status":"merged","row":{"name":"mine","phone":"2"}}',
  true, 'what it did change is decided as ever'
);
select is(
  pg_temp.statuses(pg_temp.push('[{"seq":3,"table":"priors","op":"patch","id":"00000000-0000-4000-8000-000000000003","base":1,"data":{"name":"x"},"old":{"nothing":"there"},"edited_at":"2026-01-01T11:00:00Z"}]')),
  'applied', 'old values of unknown columns do not matter'
);

select * from finish();
rollback;
