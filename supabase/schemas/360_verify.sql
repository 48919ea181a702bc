-- Verification: does a device hold what the database shows its user? A row's checksum is the first
-- eight hexadecimal digits of md5('<id>:<version>'), as a number; a set's checksum is the sum of its
-- rows' modulo 2^32, so the order does not matter and any language can do it in a few lines. Where two
-- sums differ, sets are narrowed by the first digits of md5('<id>') until few enough rows remain.

-- Every row of a table, or those with these ids, that a pull would send the caller.
create function tidemark.verify_table(table_no int, ids text[] default null)
returns table (scope text, row_id text, version bigint)
language plpgsql
stable
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
declare
  registered tidemark.live_tables := tidemark.table_by_no(table_no);
begin
  -- dropped since, or not the caller's to read
  if registered.table_no is null then
    return;
  end if;
  return query execute format(
    'select %1$s, t.%2$I::text, t.version from %3$s t where t.deleted_at is null and %4$s and %5$s',
    tidemark.scope_expression(registered), registered.key_column, registered.relation::regclass,
    tidemark.in_my_scopes(registered),
    case when ids is null then '$1 is null'
      else format('t.%I = any ($1::%s[])', registered.key_column, registered.key_type) end
  ) using ids, tidemark.my_keys(registered.scope_kind);
end
$$;

create function public.sync_verify(tables text[] default null)
returns json
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  perform tidemark.require_user();
  return (
    select coalesce(json_agg(
      json_build_object('scope', sums.scope, 'table', sums.name, 'count', sums.n, 'checksum', sums.checksum)
      order by sums.scope, sums.name), '[]'::json)
    from (
      select verified.scope, (tidemark.table_by_no(covered.no)).name, count(*) as n,
        sum(('x' || left(md5(verified.row_id || ':' || verified.version), 8))::bit(32)::bigint) % 4294967296 as checksum
      from unnest((tidemark.tables_to_pull(sync_verify.tables)).tables) as covered (no)
      cross join lateral tidemark.verify_table(covered.no) verified
      group by verified.scope, covered.no
    ) sums
  );
end
$$;
comment on function public.sync_verify(text[]) is
  'Per scope and table what the caller''s device should hold: [{scope, table, count, checksum}]; checksum is the sum '
  'of the first 32 bits of md5(id:version) modulo 2^32.';

-- One scope of one table, the rows whose md5(id) starts with prefix: the sixteen sets one digit
-- further where there are many rows, the rows themselves where there are few.
create function public.sync_verify_range("table" text, scope text, prefix text default '')
returns json
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  no int;
  few constant int := 256;
begin
  perform tidemark.require_user();
  if prefix is null or prefix !~ '^[0-9a-f]{0,8}$' then
    perform tidemark.raise_api_error(400, 'malformed', 'prefix: expected up to eight hexadecimal digits');
  end if;
  no := (tidemark.tables_to_pull(array[sync_verify_range."table"], 'table')).tables[1];
  return (
    with
    rows_there as (
      select found.row_id, found.version, substr(md5(found.row_id), length(prefix) + 1, 1) as digit,
        ('x' || left(md5(found.row_id || ':' || found.version), 8))::bit(32)::bigint as checksum
      from tidemark.verify_table(no) found
      where found.scope = sync_verify_range.scope and md5(found.row_id) like prefix || '%'
    ),
    size as (select count(*) as n from rows_there)
    select case
      when size.n <= few then json_build_object('count', size.n, 'rows', (
        select coalesce(json_object_agg(found.row_id, found.version), '{}'::json) from rows_there found))
      else json_build_object('count', size.n, 'parts', (
        select json_object_agg(part.digit, json_build_object('count', part.n, 'checksum', part.checksum))
        from (
          select found.digit, count(*) as n, sum(found.checksum) % 4294967296 as checksum
          from rows_there found
          group by found.digit
        ) part))
    end
    from size
  );
end
$$;
comment on function public.sync_verify_range(text, text, text) is
  'Narrows a difference: {count, parts: {digit: {count, checksum}}} or, for at most 256 rows, {count, rows: {id: '
  'version}}.';

-- Rows by id, as a pull would send them: what differs is fetched, nothing else.
create function public.sync_rows("table" text, ids text[], options json default '{}')
returns json
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  no int;
  exact boolean;
begin
  perform tidemark.require_user();
  if cardinality(ids) > tidemark.page_limit('{"limit": 999999999}') then
    perform tidemark.raise_api_error(400, 'malformed',
      format('ids: at most %s', tidemark.page_limit('{"limit": 999999999}')));
  end if;
  if json_typeof(options) <> 'object' then
    perform tidemark.raise_api_error(400, 'malformed', 'options: expected an object');
  end if;
  exact := tidemark.wants_exact(options);
  no := (tidemark.tables_to_pull(array[sync_rows."table"], 'table')).tables[1];
  return (
    select coalesce(json_agg(json_build_object('scope', verified.scope, 'row', visible."row")), '[]'::json)
    from tidemark.current_rows(tidemark.table_by_no(no), ids, exact) visible
    join tidemark.verify_table(no, ids) verified on verified.row_id = visible.row_id
    where not visible.deleted
  );
exception when invalid_text_representation or numeric_value_out_of_range then
  perform tidemark.raise_api_error(400, 'malformed', 'ids: ' || sqlerrm);
end
$$;
comment on function public.sync_rows(text, text[], json) is 'Rows by id, as a pull would send them: [{scope, row}].';
