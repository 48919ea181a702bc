-- Two devices that edit different columns of one row both have their way, and each learns of the other's.
begin;
\ir ../helpers.psql
select plan(7);

create table public.disjoint (id uuid primary key, user_id uuid not null default auth.uid(), name text, phone text, tags text[]);
select pg_temp.add_own_table('public.disjoint');
insert into public.disjoint values (pg_temp.id(1), pg_temp.user_id('a'), 'a', '1', '{}');

select pg_temp.sign_in('a');
select pg_temp.push('[{"seq":1,"table":"disjoint","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":1,"data":{"name":"b"},"edited_at":"2026-01-01T10:00:00Z"}]', device => 2);
select is(
  pg_temp.push('[{"seq":1,"table":"disjoint","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":1,"data":{"phone":"2"},"edited_at":"2026-01-01T09:00:00Z"}]') #- '{0,row,updated_at}',
  '[{"seq":1,"status":"merged","version":3,"row":{"id":"00000000-0000-4000-8000-000000000001","user_id":"00000000-0000-4000-8000-00000000000a","name":"b","phone":"2","tags":[],"version":3,"deleted_at":null}}]',
  'an earlier edit of another column is merged in, and the row comes back'
);
select is(
  pg_temp.push('[{"seq":2,"table":"disjoint","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":2,"data":{"tags":["x"]},"edited_at":"2026-01-01T09:00:00Z"}]', device => 2) #>> '{0,row,phone}',
  '2', 'the other device gets the rest with its next edit'
);
select pg_temp.sign_out();
update public.disjoint set phone = '3';
update public.disjoint set tags = '{y}';
select pg_temp.sign_in('a');
select is(
  pg_temp.push('[{"seq":3,"table":"disjoint","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":3,"data":{"name":"c"},"edited_at":"2026-01-01T09:00:00Z"}]') #> '{0}' @> '{"status":"merged","row":{"name":"c","phone":"3","tags":["y"]}}',
  true, 'changes made on the server merge as well, over several versions'
);
select is(
  pg_temp.push('[{"seq":4,"table":"disjoint","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":7,"data":{"name":"d"},"edited_at":"2026-01-01T09:00:00Z"}]'),
  '[{"seq":4,"status":"applied","version":8}]', 'an edit of the current version is simply applied, whatever its instant'
);
select is(
  pg_temp.push('[{"seq":5,"table":"disjoint","op":"patch","id":"00000000-0000-4000-8000-000000000001","base":7,"data":{"phone":"4"},"edited_at":"2026-01-01T09:00:00Z"}]'),
  '[{"seq":5,"status":"applied","version":9}]', 'a device''s own edits are no news to it'
);
select is(
  pg_temp.push('[{"seq":6,"table":"disjoint","op":"put","id":"00000000-0000-4000-8000-000000000001","base":9,"data":{"name":"whole"},"edited_at":"2026-01-01T09:00:00Z"}]', device => 2) #> '{0,status}',
  '"applied"', 'a put on the current version is applied'
);
select is((select tags from public.disjoint), '{y}', 'and leaves alone what it does not name');

select * from finish();
rollback;
