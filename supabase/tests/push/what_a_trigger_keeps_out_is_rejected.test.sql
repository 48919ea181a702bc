-- A trigger of the app's that returns null keeps a row as it is, or out, and says nothing. The device is told, so that it
-- does not show what is not there; all others go through.
begin;
\ir ../helpers.psql
select plan(24);

create function pg_temp.edit(seq int, op text, id int, base int, data json, "table" text default 'moderated') returns json language sql as $$
  select json_build_object('seq', seq, 'table', "table", 'op', op, 'id', pg_temp.id(id), 'base', base, 'data', data, 'edited_at', now())
$$;

create table public.moderated_seen (what text);
create table public.moderated (id uuid primary key, user_id uuid not null default auth.uid(), name text, locked boolean not null default false, n int);
create function public.moderate() returns trigger language plpgsql as $$
begin
  insert into public.moderated_seen values (new.name);
  if new.name = 'spam' then
    return null;
  elsif tg_op = 'INSERT' and exists (select from public.moderated m where m.id = new.id) then
    return null; -- "insert if it is not there"
  end if;
  return new;
end
$$;
create trigger moderate before insert or update on public.moderated for each row execute function public.moderate();
create trigger no_news before update on public.moderated for each row execute function suppress_redundant_updates_trigger();
alter table public.moderated enable row level security;
create policy "read" on public.moderated for select using (true);
create policy "add" on public.moderated for insert with check (user_id = auth.uid());
create policy "own, unless locked" on public.moderated for update using (user_id = auth.uid() and not locked);
create policy "delete" on public.moderated for delete using (user_id = auth.uid());
grant select, insert, update, delete on public.moderated to authenticated;
grant insert on public.moderated_seen to authenticated;
select tidemark.add_table('public.moderated', 'user:user_id');

-- New rows.
select pg_temp.sign_in('a');
create temp table answer as select pg_temp.push(json_build_array(
  pg_temp.edit(1, 'put', 1, null, '{"name": "a"}'), pg_temp.edit(2, 'put', 2, null, '{"name": "spam"}'), pg_temp.edit(3, 'put', 3, null, '{"name": "c"}'))) as r;
select is(pg_temp.statuses(r), 'applied rejected:constraint applied', 'a row that a trigger keeps out is rejected, and no other') from answer;
select is(
  r #> '{1,error}', '{"code": "constraint", "message": "a trigger of \"moderated\" kept this row out", "hint": "Change what the trigger does not let through, and send it again."}',
  'with the reason'
) from answer;
select is((select array_agg(name order by name) from public.moderated), '{a,c}', 'the others are stored');
select pg_temp.sign_out();
select is((select array_agg(what order by what) from public.moderated_seen), '{a,c}', 'and what the trigger wrote beside it is undone');
select pg_temp.sign_in('a');
select is(
  pg_temp.statuses(pg_temp.push((
    select json_agg(pg_temp.edit(10 + n, 'put', 10 + n, null, json_build_object('name', case when n in (7, 19) then 'spam' else 'x' end)) order by n) from generate_series(1, 20) n))),
  rtrim(repeat('applied ', 6) || 'rejected:constraint ' || repeat('applied ', 11) || 'rejected:constraint applied'), 'two of many'
);
select is((select count(*) from public.moderated), 20::bigint, 'and the others are stored');
select is(
  pg_temp.statuses(pg_temp.push(json_build_array(pg_temp.edit(31, 'put', 2, null, '{"name": "b"}')))), 'applied', 'put right, it goes through'
);

-- A row that is there is edited, though the trigger lets no second one in.
select is(
  pg_temp.statuses(pg_temp.push(json_build_array(
    pg_temp.edit(32, 'put', 1, 1, '{"name": "a2"}'), pg_temp.edit(33, 'put', 4, null, '{"name": "d"}'), pg_temp.edit(34, 'put', 5, null, '{"name": "spam"}')))),
  'applied applied rejected:constraint', 'a put of a row that is there is an edit'
);
select is((select array_agg(name order by id) from public.moderated where id in (pg_temp.id(1), pg_temp.id(4), pg_temp.id(5))), '{a2,d}', 'which is stored');
select pg_temp.sign_in('b');
select is(
  pg_temp.statuses(pg_temp.push(json_build_array(pg_temp.edit(1, 'put', 1, null, '{"name": "mine"}')), device => 2)), 'rejected:forbidden',
  'another''s row is not'
);

-- Edits.
select pg_temp.sign_in('a');
select is(
  pg_temp.statuses(pg_temp.push(json_build_array(
    pg_temp.edit(41, 'patch', 1, 2, '{"n": 1}'), pg_temp.edit(42, 'patch', 2, 1, '{"name": "spam"}'), pg_temp.edit(43, 'patch', 3, 1, '{"n": 1}')))),
  'applied rejected:constraint applied', 'an edit that a trigger keeps out is rejected, and no other'
);
select is((select array_agg(concat_ws(' ', name, n) order by id) from public.moderated where id <= pg_temp.id(3)), '{a2 1,b,"c 1"}', 'the others are stored');
select is(
  pg_temp.push(json_build_array(pg_temp.edit(44, 'patch', 2, 1, '{"name": "spam"}'))) #>> '{0,error,message}', 'a trigger of "moderated" kept this edit out',
  'with the reason'
);
select is(
  pg_temp.statuses(pg_temp.push(json_build_array(pg_temp.edit(1, 'patch', 1, 2, '{"name": "spam"}')), device => 3)), 'rejected:constraint', 'so is one that was merged'
);
select is(
  pg_temp.statuses(pg_temp.push(json_build_array(pg_temp.edit(45, 'put', 1, 3, '{"name": "spam"}')))), 'rejected:constraint', 'and a put of a row that is there'
);
select pg_temp.sign_out();
update public.moderated set locked = true where id = pg_temp.id(3);
select pg_temp.sign_in('a');
select is(
  pg_temp.statuses(pg_temp.push(json_build_array(pg_temp.edit(46, 'patch', 2, 1, '{"name": "spam"}'), pg_temp.edit(47, 'patch', 3, 3, '{"n": 2}')))),
  'rejected:constraint rejected:forbidden', 'what the policies refuse is forbidden, as ever'
);

-- An edit that changes nothing, which a trigger need not write.
select is(
  pg_temp.push(json_build_array(pg_temp.edit(48, 'patch', 1, 3, '{"n": 1}'), pg_temp.edit(49, 'patch', 2, 1, '{"n": 5}'))) #> '{0}',
  '{"seq": 48, "status": "applied", "version": 3}', 'what is stored already counts as stored'
);
select is((select array_agg(concat_ws(' ', name, n, version) order by id) from public.moderated where id <= pg_temp.id(2)), '{"a2 1 3","b 5 2"}', 'beside one that is written');
select pg_temp.sign_out();
update public.moderated set name = 'other' where id = pg_temp.id(1);
select pg_temp.sign_in('a');
select is(
  pg_temp.push(json_build_array(pg_temp.edit(50, 'patch', 1, 3, '{"n": 1}'))) #> '{0,row,name}', '"other"', 'and the device is sent what else has changed'
);

-- Deletes.
select pg_temp.sign_out();
create function public.keep() returns trigger language plpgsql as $$ begin return null; end $$;
create trigger keep before update of deleted_at on public.moderated for each row when (new.name = 'b') execute function public.keep();
create trigger keep_too before delete on public.moderated for each row when (old.name = 'd') execute function public.keep();
select pg_temp.sign_in('a');
create temp table deleted as select pg_temp.push(json_build_array(
  pg_temp.edit(51, 'delete', 2, 2, null), pg_temp.edit(52, 'delete', 4, 1, null), pg_temp.edit(53, 'delete', 1, 4, null))) as r;
select is(
  (select string_agg(e ->> 'status', ' ' order by n) from jsonb_array_elements(r) with ordinality as l (e, n)), 'rejected rejected applied',
  'a delete that a trigger keeps out is rejected, and no other'
) from deleted;
select is((select array_agg(name order by name) from public.moderated where deleted_at is null and id <= pg_temp.id(4)), '{b,c,d}', 'and the row is there');

-- A copy of keep_both.
select pg_temp.sign_out();
create table public.moderated_copies (id uuid primary key, user_id uuid not null default auth.uid(), name text);
select pg_temp.add_own_table('public.moderated_copies', 'keep_both');
create function public.no_copies() returns trigger language plpgsql as $$ begin return case when new.name <> 'mine' then new end; end $$;
create trigger no_copies before insert on public.moderated_copies for each row execute function public.no_copies();
select pg_temp.sign_in('a');
select pg_temp.push(json_build_array(pg_temp.edit(61, 'put', 1, null, '{"name": "a"}', 'moderated_copies')));
select pg_temp.push(json_build_array(pg_temp.edit(62, 'patch', 1, 1, '{"name": "b"}', 'moderated_copies')));
select is(
  pg_temp.statuses(pg_temp.push(json_build_array(pg_temp.edit(2, 'patch', 1, 1, '{"name": "mine"}', 'moderated_copies')), device => 3)), 'rejected:constraint',
  'an edit whose copy a trigger keeps out is rejected'
);
select is((select array_agg(name) from public.moderated_copies), '{b}', 'and the row stays');

-- A trigger that writes something else has kept nothing out.
select pg_temp.sign_out();
create function public.keep_as_is() returns trigger language plpgsql as $$ begin return old; end $$;
create trigger frozen before update on public.moderated_copies for each row execute function public.keep_as_is();
select pg_temp.sign_in('a');
select is(
  pg_temp.push(json_build_array(pg_temp.edit(63, 'patch', 1, 2, '{"name": "c"}', 'moderated_copies'))) #>> '{0,row,name}', 'b',
  'an edit that a trigger changes back is answered with the row'
);

select * from finish();
rollback;
