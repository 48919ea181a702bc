-- An entry names the user of the request; during a push also the device, and when the edit was made there.
begin;
\ir ../helpers.psql
select plan(7);

create table public.acted (id int primary key, user_id uuid not null default auth.uid(), name text);
select pg_temp.add_public_table('public.acted');
create table public.acted_on (id int primary key, name text);
select pg_temp.add_public_table('public.acted_on');
create function public.acted_echo() returns trigger language plpgsql as $$
begin
  insert into public.acted_on values (new.id + 1000, new.name);
  return null;
end
$$;
create trigger echo after insert on public.acted for each row execute function public.acted_echo();
create function pg_temp.actor(tbl text, key text) returns table (user_id uuid, device_id uuid, edited_at timestamptz) language sql as $$
  select c.user_id, c.device_id, c.edited_at from tidemark.sync_changes c join tidemark.sync_tables t using (table_no)
  where t.name = tbl and c.row_id = key order by c.id desc limit 1
$$;

insert into public.acted values (1, pg_temp.user_id('a'), 'owner');
select results_eq($$select * from pg_temp.actor('acted', '1')$$, $$values (null::uuid, null::uuid, null::timestamptz)$$, 'plain SQL has no user and no device');
select pg_temp.sign_in('b');
insert into public.acted values (2, pg_temp.user_id('a'), 'api');
select pg_temp.sign_out();
select results_eq(
  $$select * from pg_temp.actor('acted', '2')$$, $$values (pg_temp.user_id('b'), null::uuid, null::timestamptz)$$,
  'the entry of a request names the user who made it, and not the owner of the row'
);
select pg_temp.sign_in('a');
select pg_temp.push($$[
  {"seq":1,"table":"acted","op":"put","id":"3","data":{"name":"pushed"},"edited_at":"2026-01-01T10:00:00Z"},
  {"seq":2,"table":"acted","op":"put","id":"4","data":{"name":"pushed"},"edited_at":"2026-01-01T11:00:00Z"}]$$);
select pg_temp.sign_out();
select results_eq(
  $$select * from pg_temp.actor('acted', '3')$$,
  $$values (pg_temp.user_id('a'), pg_temp.device(1), '2026-01-01T10:00:00Z'::timestamptz)$$,
  'a push has its device and the device''s instant'
);
select results_eq(
  $$select edited_at from pg_temp.actor('acted', '4')$$, $$values ('2026-01-01T11:00:00Z'::timestamptz)$$, 'each row its own'
);
select results_eq(
  $$select device_id, edited_at from pg_temp.actor('acted_on', '1003')$$, $$values (pg_temp.device(1), null::timestamptz)$$,
  'what a trigger writes on the way comes from the device, but was not edited there'
);

select pg_temp.sign_in('a');
update public.acted set name = 'after' where id = 3;
select pg_temp.sign_out();
select results_eq(
  $$select device_id, edited_at from pg_temp.actor('acted', '3')$$, $$values (null::uuid, null::timestamptz)$$,
  'a push leaves nothing behind for the rest of the transaction'
);
select pg_temp.sign_in('a');
select pg_temp.push($$[{"seq":3,"table":"acted","op":"put","id":"5","data":{"name":"ok"},"edited_at":"2026-01-01T10:00:00Z"},
  {"seq":4,"table":"acted","op":"put","id":"6","data":{"id":"6","name":"x","user_id":"no uuid"},"edited_at":"2026-01-01T10:00:00Z"}]$$);
update public.acted set name = 'after' where id = 5;
select pg_temp.sign_out();
select results_eq(
  $$select device_id, edited_at from pg_temp.actor('acted', '5')$$, $$values (null::uuid, null::timestamptz)$$,
  'nor does one with a rejected mutation'
);

select * from finish();
rollback;
