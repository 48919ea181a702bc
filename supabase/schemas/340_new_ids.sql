-- Keys that the database makes: where a table's key comes from a sequence, a device that makes rows
-- offline asks for their keys before it sends them, and then pushes like any other. A key whose answer got
-- lost is a gap in the sequence, nothing more, so asking needs no exactly-once.

create function public.sync_new_ids("table" text, count int)
returns json
language plpgsql
volatile
security definer -- draws from a sequence that callers need no right to for inserts into an identity column
set search_path = pg_catalog, pg_temp
as $$
declare
  target tidemark.live_tables;
  numbers text;
begin
  perform tidemark.require_user();
  if count is null or count not between 1 and 10000 then
    perform tidemark.raise_api_error(400, 'malformed', 'count: expected 1 to 10000');
  end if;
  select t.* into target from tidemark.tables_by_name(array[sync_new_ids."table"], 'table') t;
  if target.relation is null or not has_any_column_privilege('authenticated', target.relation, 'insert') then
    perform tidemark.raise_api_error(400, 'malformed', 'table: no rows can be made in it');
  end if;
  numbers := pg_get_serial_sequence(target.relation::regclass::text, target.key_column);
  if numbers is null then
    perform tidemark.raise_api_error(400, 'malformed', 'table: its key comes from no sequence',
      'Let the device make the key.');
  end if;
  return (select json_agg(nextval(numbers::regclass)::text) from generate_series(1, sync_new_ids.count));
end
$$;
comment on function public.sync_new_ids(text, int) is
  'Keys for rows to come in a table whose key is an identity or serial column: [id, …] as text, each given out once.';
