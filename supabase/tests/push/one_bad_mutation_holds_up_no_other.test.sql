-- The batch is one statement a table until something raises; then the list is halved until the bad mutation stands alone.
begin;
\ir ../helpers.psql
select plan(15);

create table public.poisoned (id int primary key, user_id uuid not null default auth.uid(), n int constraint no_poison check (n <> 13), code text);
create table public.poisoned_child (id int primary key, parent int references public.poisoned on delete cascade, user_id uuid not null default auth.uid());
select pg_temp.add_own_table('public.poisoned');
create unique index poisoned_code on public.poisoned (code) where deleted_at is null;
select pg_temp.add_own_table('public.poisoned_child');
create function public.poison() returns trigger language plpgsql as $$
begin
  case new.n
    when 101 then raise sqlstate 'PT402' using message = 'pay first';
    when 102 then raise sqlstate 'XX000' using message = 'parse error - invalid geometry';
    when 103 then assert false, 'never';
    when 104 then perform 1 / 0;
    when 105 then raise exception 'no';
    else null;
  end case;
  return new;
end
$$;
create trigger poison before insert on public.poisoned for each row execute function public.poison();

select pg_temp.sign_in('a');
select pg_temp.push((
  select json_agg(json_build_object('seq', n, 'table', 'poisoned', 'op', 'put', 'id', n, 'data', json_build_object('n', case n when 150 then 13 else 1 end), 'edited_at', now()) order by n)
  from generate_series(1, 300) n));
select is((select count(*) from public.poisoned), 299::bigint, 'one poisoned row of 300 keeps only itself out');
select is((select count(*) from public.poisoned where id = 150), 0::bigint, 'and it does');
select is(
  pg_temp.statuses(pg_temp.push((
    select json_agg(json_build_object('seq', 300 + n, 'table', 'poisoned', 'op', 'patch', 'id', n, 'base', 1, 'data', json_build_object('n', case n when 2 then 13 else 2 end), 'edited_at', now()) order by n)
    from generate_series(1, 4) n))),
  'applied rejected:constraint applied applied', 'so in edits'
);
select is((select string_agg(n::text, ' ' order by id) from public.poisoned where id <= 4), '2 1 2 2', 'whose neighbours are written');
select is(
  pg_temp.statuses(pg_temp.push('[{"seq":400,"table":"poisoned","op":"put","id":"401","data":{"n":1},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":401,"table":"poisoned","op":"put","id":"402","data":{"n":101},"edited_at":"2026-01-01T00:00:00Z"}]')),
  'applied rejected:constraint', 'an HTTP status that a trigger of the app raises is that mutation''s'
);
select is(
  pg_temp.statuses(pg_temp.push('[{"seq":402,"table":"poisoned","op":"put","id":"403","data":{"n":1},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":403,"table":"poisoned","op":"put","id":"404","data":{"n":102},"edited_at":"2026-01-01T00:00:00Z"}]')),
  'applied rejected:constraint', 'an internal error, as extensions raise for bad values, is that mutation''s'
);
select is(
  pg_temp.statuses(pg_temp.push('[{"seq":404,"table":"poisoned","op":"put","id":"405","data":{"n":1},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":405,"table":"poisoned","op":"put","id":"406","data":{"n":103},"edited_at":"2026-01-01T00:00:00Z"}]')),
  'applied rejected:constraint', 'a failed assertion is that mutation''s'
);
select is(
  pg_temp.statuses(pg_temp.push('[{"seq":406,"table":"poisoned","op":"put","id":"407","data":{"n":104},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":407,"table":"poisoned","op":"put","id":"408","data":{"n":1},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":408,"table":"poisoned","op":"put","id":"409","data":{"n":105},"edited_at":"2026-01-01T00:00:00Z"}]')),
  'rejected:invalid_value applied rejected:constraint', 'several poisons in one batch are all found'
);
select is(
  pg_temp.statuses(pg_temp.push('[{"seq":410,"table":"poisoned_child","op":"put","id":"1","data":{"parent":501},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":411,"table":"poisoned","op":"put","id":"500","data":{"n":13},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":412,"table":"poisoned_child","op":"put","id":"2","data":{"parent":502},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":413,"table":"poisoned","op":"put","id":"501","data":{"n":1},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":414,"table":"poisoned","op":"put","id":"502","data":{"n":1},"edited_at":"2026-01-01T00:00:00Z"}]')),
  'applied rejected:constraint applied applied applied', 'children listed before their parents find them, also beside a poison'
);
select is(
  pg_temp.statuses(pg_temp.push('[{"seq":420,"table":"poisoned_child","op":"put","id":"3","data":{"parent":600},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":421,"table":"poisoned","op":"put","id":"600","data":{"n":13},"edited_at":"2026-01-01T00:00:00Z"}]')),
  'rejected:foreign_key rejected:constraint', 'a child of the poison is rejected with it'
);
select is(
  pg_temp.statuses(pg_temp.push('[{"seq":430,"table":"poisoned","op":"put","id":"700","data":{"n":1,"code":"a"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":431,"table":"poisoned","op":"put","id":"701","data":{"n":1,"code":"a"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":432,"table":"poisoned","op":"put","id":"702","data":{"n":1,"code":"b"},"edited_at":"2026-01-01T00:00:00Z"}]')),
  'applied rejected:unique applied', 'of two rows with one unique value the first one stays'
);
select is(
  pg_temp.statuses(pg_temp.push('[{"seq":440,"table":"poisoned","op":"patch","id":"702","base":1,"data":{"code":"c"},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":441,"table":"poisoned","op":"patch","id":"700","base":1,"data":{"code":"b"},"edited_at":"2026-01-01T00:00:00Z"}]')),
  'applied applied', 'a unique value may move from one row to another within a batch'
);
select is(
  pg_temp.statuses(pg_temp.push('[{"seq":442,"table":"poisoned","op":"delete","id":"700","base":2,"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":443,"table":"poisoned","op":"put","id":"703","data":{"n":1,"code":"b"},"edited_at":"2026-01-01T00:00:00Z"}]')),
  'applied applied', 'or from a deleted row to a new one'
);
select is(
  pg_temp.statuses(pg_temp.push('[{"seq":450,"table":"poisoned","op":"patch","id":"1","base":1,"data":{"no_column":1},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":451,"table":"elsewhere","op":"put","id":"1","data":{},"edited_at":"2026-01-01T00:00:00Z"},
    {"seq":452,"table":"poisoned","op":"put","id":"800","data":{"n":1},"edited_at":"2026-01-01T00:00:00Z"}]')),
  'rejected:unknown_column rejected:unknown_table applied', 'a mutation that is rejected before it is tried holds up no other either'
);
select performs_ok($$
  select pg_temp.push((
    select json_agg(json_build_object('seq', 1000 + n, 'table', 'poisoned', 'op', 'put', 'id', 1000 + n, 'data', json_build_object('n', 13), 'edited_at', now()) order by n)
    from generate_series(1, 200) n))$$, 4000, '200 poisons are told apart within half of the API''s time');

select * from finish();
rollback;
