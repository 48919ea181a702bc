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
  round int, -- the number of this mutation among those of its row in this call, from 1
  code text, -- why it is rejected before it is tried
  message text,
  hint text
);
comment on type tidemark.mutation is 'A mutation of a call as it was read: the fields on the wire, checked.';

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
comment on type tidemark.outcome is 'The result of a mutation: its fields on the wire, and the place n in the call.';

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
      select
        registered.table_no, registered.name, registered.key_column, registered.key_type,
        array_agg(attribute.attname::text) as columns
      from tidemark.live_tables registered
      join pg_catalog.pg_attribute attribute
        on attribute.attrelid = registered.relation and attribute.attnum > 0 and not attribute.attisdropped
      group by registered.table_no, registered.name, registered.key_column, registered.key_type
    )
    select coalesce(array_agg(row(
      checked.n, checked.seq, checked."table", checked.table_no, checked.op, checked.id, checked.base, checked.data,
      nullif(checked.old, 'null'), checked.edited_at, 1,
      split_part(checked.fault, ': ', 1),
      substr(checked.fault, length(split_part(checked.fault, ': ', 1)) + 3),
      case when checked.fault is not null then case split_part(checked.fault, ': ', 1)
        when 'unknown_table' then 'Run select tidemark.add_table(…) in attribute migration.'
        when 'unknown_column' then 'Update the app, or leave the column out.'
        when 'too_large' then 'Keep large content in Storage and its path in the row.'
      end end
    )::tidemark.mutation order by checked.n), '{}')
    from (
      select
        sent.*,
        case
          when sent.tidemark_unreadable is not null then 'malformed: ' || sent.tidemark_unreadable
          when sent.op is null or sent.op not in ('put', 'patch', 'delete')
            then 'malformed: op: expected put, patch or delete'
          when sent.edited_at is null then 'malformed: edited_at: expected an RFC 3339 instant'
          when sent."table" is null then 'malformed: table: missing'
          when sent.id_sent is null then 'malformed: id: missing'
          when sent.base is null and sent.base_sent is not null then 'malformed: base: expected a version or null'
          when jsonb_typeof(sent.old) <> 'object' and sent.old <> 'null' then 'malformed: old: expected an object'
          when sent.table_no is null then format('unknown_table: table "%s" is not synced', sent."table")
          when sent.id is null then format('invalid_value: id: "%s" is no %s', left(sent.id_sent, 100), sent.key_type)
          when sent.op = 'delete' then null
          when sent.data is null or jsonb_typeof(sent.data) <> 'object' then 'malformed: data: expected an object'
          when pg_column_size(sent.data) > sent.max_mutation_bytes
            then format('too_large: %s bytes, and a mutation may have %s',
              pg_column_size(sent.data), sent.max_mutation_bytes)
          when sent.data - sent.columns <> '{}'
            then format('unknown_column: table "%s" has no column %s', sent."table",
              (select string_agg(quote_ident(known), ', ') from jsonb_object_keys(sent.data - sent.columns) known))
          when sent.data ->> sent.key_column <> sent.id_sent
            and lower(sent.data ->> sent.key_column) <> lower(sent.id_sent)
            then format('malformed: data.%s: differs from id', sent.key_column)
        end as fault
      from (
        select
          (first_n - 1 + listed.n)::int as n,
          case when listed.seq::text ~ '^[1-9]\d{0,14}$' then listed.seq::text::bigint end as seq,
          listed."table",
          known.table_no,
          listed.op,
          case
            when known.key_type = 'uuid' then
              case when key.id like '________-____-____-____-____________' and key.id !~ '[^0-9a-fA-F-]'
                then key.id::uuid::text end
            when known.key_type in ('bigint', 'integer', 'smallint') then
              case when key.id ~ '^-?\d{1,19}$' and abs(key.id::numeric + 0.5) < case known.key_type
                when 'bigint' then 9223372036854775808 when 'integer' then 2147483648 else 32768 end
              then key.id::numeric::text end
            else key.id
          end as id,
          key.id as id_sent,
          nullif(listed.base::text, 'null') as base_sent,
          case when listed.base::text ~ '^\d{1,15}$' then listed.base::text::bigint end as base,
          listed.data,
          listed.old,
          -- not the words that Postgres takes for instants too: yesterday, infinity
          case when listed.edited_at is null then now()
            when listed.edited_at like '____-__-__%' then least(listed.edited_at::timestamptz + clock_skew, now())
          end as edited_at,
          listed.tidemark_unreadable,
          known.key_column, known.key_type, known.columns,
          (select limits.max_mutation_bytes from tidemark.settings limits) as max_mutation_bytes
        from rows from (
          json_to_recordset(mutations) as (
            seq json, "table" text, op text, id text, base json, data jsonb, old jsonb, edited_at text,
            tidemark_unreadable text
          )
        ) with ordinality as listed (seq, "table", op, id_sent, base, data, old, edited_at, tidemark_unreadable, n)
        -- a key is text or a number, never something else that happens to print like one
        cross join lateral (
          select case
            when listed.id_sent ~ '^([\[{]|true$|false$)'
              and json_typeof(mutations -> (listed.n::int - 1) -> 'id') <> 'string' then null
            else listed.id_sent end as id offset 0) key
        left join known on known.name = listed."table"
        offset 0
      ) sent
      offset 0
    ) checked
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
  select read.n - 1 as n, read.seq into bad
  from (
    select (listed.mutation).n, (listed.mutation).seq, lag((listed.mutation).seq) over () as previous
    from (select unnest(mutations) as mutation) listed
  ) read
  where read.seq is null or read.seq <= read.previous
  order by read.n
  limit 1;
  if found then
    perform tidemark.raise_api_error(400, 'malformed',
      format('mutations[%s].seq: %s', bad.n,
        case when bad.seq is null then 'expected a whole number from 1' else 'expected more than the one before' end),
      'Number a device''s mutations 1, 2, 3, … and never use a number again.');
  end if;
  select count(*) into rows_named
  from (
    select distinct (listed.mutation).table_no, (listed.mutation).id from (select unnest(mutations) as mutation) listed
  ) named;
  if rows_named = cardinality(mutations) then
    return mutations;
  end if;
  return (
    select array_agg(row(
      numbered.n, numbered.seq, numbered.table_name, numbered.table_no, numbered.op, numbered.id, numbered.base,
      numbered.data, numbered.old, numbered.edited_at, numbered.turn,
      numbered.code, numbered.message, numbered.hint
    )::tidemark.mutation order by numbered.n)
    from (
      select mutation.*, row_number() over (partition by mutation.table_no, mutation.id order by mutation.n) as turn
      from unnest(mutations) mutation
    ) numbered
  );
end
$$;
