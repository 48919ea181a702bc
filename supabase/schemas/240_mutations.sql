-- Mutations as they come in: read, checked one by one, and given back as rows. Nothing here touches a table of the app.
-- A fault of one mutation becomes the result of that mutation; a fault of the list itself (not an array, sequence
-- numbers that do not increase) refuses the call. sync_push and sync_resolve call this.

create type tidemark.mutation as (
  n int, -- place in the call, from 1
  seq bigint,
  table_name text,
  table_no int,
  op text,
  id text,
  base bigint,
  data jsonb,
  old jsonb,
  edited_at timestamptz, -- by the server's clock
  round int, -- this is the mutation of its row with this number in the call, from 1
  code text, -- why it is rejected before it is tried
  message text,
  hint text
);

-- The result of a mutation: its fields on the wire.
create type tidemark.outcome as (
  n int,
  status text,
  version bigint,
  "row" json,
  lost text[],
  copy_id text,
  conflict_id uuid,
  code text,
  message text,
  hint text
);

-- Reads every mutation of a call in one statement: fields, table, columns, sizes. Raises data_exception for a date
-- that is none, which no expression can test beforehand.
-- An id is kept in the form in which Postgres prints it: two spellings of a uuid are one row. The two
-- cheap tests before the cast catch what people send by mistake; counted regular expressions would
-- cost more than all the rest.
-- In UTC, whatever the session's zone: an instant without an offset is one of UTC, and a clock that is a day
-- wrong is wrong by 24 hours.
create function tidemark.read_list(mutations json, first_n int, clock_skew interval)
returns tidemark.mutation[]
language plpgsql
stable
security definer -- reads the registry and the settings
set search_path = pg_catalog, pg_temp
set timezone = 'UTC'
set plan_cache_mode = force_generic_plan
as $$
begin
  return (
    with known as materialized (
      select t.table_no, t.name, t.key_column, t.key_type, array_agg(a.attname::text) as columns
      from tidemark.live_tables t
      join pg_catalog.pg_attribute a on a.attrelid = t.relation and a.attnum > 0 and not a.attisdropped
      group by t.table_no, t.name, t.key_column, t.key_type
    )
    select coalesce(array_agg(row(
      j.n, j.seq, j."table", j.table_no, j.op, j.id, j.base, j.data, nullif(j.old, 'null'), j.edited_at, 1,
      split_part(j.fault, ': ', 1),
      substr(j.fault, length(split_part(j.fault, ': ', 1)) + 3),
      case when j.fault is not null then case split_part(j.fault, ': ', 1)
        when 'unknown_table' then 'Run select tidemark.add_table(…) in a migration.'
        when 'unknown_column' then 'Update the app, or leave the column out.'
        when 'too_large' then 'Keep large content in Storage and its path in the row.'
      end end
    )::tidemark.mutation order by j.n), '{}')
    from (
      select
        s.*,
        case
          when s.tidemark_unreadable is not null then 'malformed: ' || s.tidemark_unreadable
          when s.op is null or s.op not in ('put', 'patch', 'delete')
            then 'malformed: op: expected put, patch or delete'
          when s.edited_at is null then 'malformed: edited_at: expected an RFC 3339 instant'
          when s."table" is null then 'malformed: table: missing'
          when s.id_sent is null then 'malformed: id: missing'
          when s.base is null and s.base_sent is not null then 'malformed: base: expected a version or null'
          when jsonb_typeof(s.old) <> 'object' and s.old <> 'null' then 'malformed: old: expected an object'
          when s.table_no is null then format('unknown_table: table "%s" is not synced', s."table")
          when s.id is null then format('invalid_value: id: "%s" is no %s', left(s.id_sent, 100), s.key_type)
          when s.op = 'delete' then null
          when s.data is null or jsonb_typeof(s.data) <> 'object' then 'malformed: data: expected an object'
          when pg_column_size(s.data) > s.max_mutation_bytes
            then format('too_large: %s bytes, and a mutation may have %s', pg_column_size(s.data), s.max_mutation_bytes)
          when s.data - s.columns <> '{}'
            then format('unknown_column: table "%s" has no column %s', s."table",
              (select string_agg(quote_ident(k), ', ') from jsonb_object_keys(s.data - s.columns) k))
          when s.data ->> s.key_column <> s.id_sent and lower(s.data ->> s.key_column) <> lower(s.id_sent)
            then format('malformed: data.%s: differs from id', s.key_column)
        end as fault
      from (
        select
          (first_n - 1 + m.n)::int as n,
          case when m.seq::text ~ '^[1-9]\d{0,14}$' then m.seq::text::bigint end as seq,
          m."table",
          k.table_no,
          m.op,
          case
            when k.key_type = 'uuid' then
              case when i.id like '________-____-____-____-____________' and i.id !~ '[^0-9a-fA-F-]'
                then i.id::uuid::text end
            when k.key_type in ('bigint', 'integer', 'smallint') then
              case when i.id ~ '^-?\d{1,19}$' and abs(i.id::numeric + 0.5) < case k.key_type
                when 'bigint' then 9223372036854775808 when 'integer' then 2147483648 else 32768 end
              then i.id::numeric::text end
            else i.id
          end as id,
          i.id as id_sent,
          nullif(m.base::text, 'null') as base_sent,
          case when m.base::text ~ '^\d{1,15}$' then m.base::text::bigint end as base,
          m.data,
          m.old,
          -- not the words that Postgres takes for instants too: yesterday, infinity
          case when m.edited_at is null then now()
            when m.edited_at like '____-__-__%' then least(m.edited_at::timestamptz + clock_skew, now())
          end as edited_at,
          m.tidemark_unreadable,
          k.key_column, k.key_type, k.columns,
          (select l.max_mutation_bytes from tidemark.settings l) as max_mutation_bytes
        from rows from (
          json_to_recordset(mutations) as (
            seq json, "table" text, op text, id text, base json, data jsonb, old jsonb, edited_at text,
            tidemark_unreadable text
          )
        ) with ordinality as m (seq, "table", op, id_sent, base, data, old, edited_at, tidemark_unreadable, n)
        -- a key is text or a number, never something else that happens to print like one
        cross join lateral (
          select case
            when m.id_sent ~ '^([\[{]|true$|false$)'
              and json_typeof(mutations -> (m.n::int - 1) -> 'id') <> 'string' then null
            else m.id_sent end as id offset 0) i
        left join known k on k.name = m."table"
        offset 0
      ) s
      offset 0
    ) j
  );
end
$$;

-- The same, also where something cannot be read at all (\u0000, 30 February, a number beyond numeric):
-- halves the list until the culprit stands alone.
create function tidemark.read_mutations(mutations json, first_n int, clock_skew interval)
returns tidemark.mutation[]
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  size int;
  fault text;
  seq json;
begin
  begin
    return tidemark.read_list(mutations, first_n, clock_skew);
  exception when data_exception then
    fault := sqlerrm;
  end;
  size := json_array_length(mutations);
  if size = 1 then
    if exists (select from json_array_elements(mutations) e where json_typeof(e) <> 'object') then
      perform tidemark.raise_api_error(400, 'malformed', format('mutations[%s]: expected an object', first_n - 1));
    end if;
    -- What Postgres cannot hold is cut out to get at the number.
    begin
      select regexp_replace(e::text, '\\u(0000|[dD][89a-fA-F][0-9a-fA-F]{2})', '', 'g')::json -> 'seq' into seq
      from json_array_elements(mutations) e;
    exception when data_exception then
      null;
    end;
    return tidemark.read_list(
      json_build_array(json_build_object('seq', seq, 'tidemark_unreadable', fault)), first_n, clock_skew);
  end if;
  return (
    select
      tidemark.read_mutations(
        json_agg(sent.value order by sent.n) filter (where sent.n <= size / 2), first_n, clock_skew)
      || tidemark.read_mutations(
        json_agg(sent.value order by sent.n) filter (where sent.n > size / 2), first_n + size / 2, clock_skew)
    from json_array_elements(mutations) with ordinality as sent (value, n)
  );
end
$$;

-- Refuses a call that is no list of mutations, or is too large.
create function tidemark.check_batch(mutations json)
returns void
language plpgsql
stable
security definer -- reads the settings
set search_path = pg_catalog, pg_temp
as $$
declare
  limits tidemark.settings;
  bytes int := pg_column_size(mutations);
begin
  select s.* into limits from tidemark.settings s;
  if mutations is null or json_typeof(mutations) <> 'array' then
    perform tidemark.raise_api_error(400, 'malformed', 'mutations: expected an array');
  end if;
  if bytes > limits.max_batch_bytes or json_array_length(mutations) > limits.max_mutations then
    perform tidemark.raise_api_error(413, 'batch_too_large',
      json_build_object('max_bytes', limits.max_batch_bytes, 'max_mutations', limits.max_mutations,
        'bytes', bytes, 'mutations', json_array_length(mutations))::text,
      'Send fewer mutations a call.');
  end if;
end
$$;

-- Refuses sequence numbers that are none or do not increase, and numbers the mutations of one row.
create function tidemark.check_sequence(mutations tidemark.mutation[])
returns tidemark.mutation[]
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  bad record;
  rows_named bigint;
begin
  select m.n - 1 as n, m.seq into bad
  from (
    select (u.m).n, (u.m).seq, lag((u.m).seq) over () as previous from (select unnest(mutations) as m) u
  ) m
  where m.seq is null or m.seq <= m.previous
  order by m.n
  limit 1;
  if found then
    perform tidemark.raise_api_error(400, 'malformed',
      format('mutations[%s].seq: %s', bad.n,
        case when bad.seq is null then 'expected a whole number from 1' else 'expected more than the one before' end),
      'Number a device''s mutations 1, 2, 3, … and never use a number again.');
  end if;
  select count(*) into rows_named
  from (
    select distinct (u.m).table_no, (u.m).id from (select unnest(mutations) as m) u
  ) named;
  if rows_named = cardinality(mutations) then
    return mutations;
  end if;
  return (
    select array_agg(row(
      m.n, m.seq, m.table_name, m.table_no, m.op, m.id, m.base, m.data, m.old, m.edited_at, m.turn,
      m.code, m.message, m.hint
    )::tidemark.mutation order by m.n)
    from (
      select u.*, row_number() over (partition by u.table_no, u.id order by u.n) as turn
      from unnest(mutations) u
    ) m
  );
end
$$;
