-- Push: a device's queue, exactly once. The device is locked, what an earlier call decided is answered again, the rest
-- is applied as the caller, and the results of this call are stored until the device has received them. The edge
-- functions sync and sync-push call it, and clients do.

-- The results of mutations that an earlier call already decided: its results again, and the rows of applied mutations
-- as they are now, where the caller may read them. A rejected mutation may have an id that no row can have.
create function tidemark.repeat_answers(mutations tidemark.mutation[], stored_results jsonb, exact boolean)
returns tidemark.outcome[]
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  part record;
  outcomes tidemark.outcome[] := array(
    select row(
      mutation.n, 'duplicate', null, null,
      case when said.answer ? 'lost' then array(select l from jsonb_array_elements_text(said.answer -> 'lost') l) end,
      said.answer ->> 'copy_id', (said.answer ->> 'conflict_id')::uuid,
      said.answer ->> 'code', said.answer ->> 'message', said.answer ->> 'hint'
    )::tidemark.outcome
    from unnest(mutations) mutation
    cross join lateral (select stored_results -> mutation.seq::text as answer) said);
begin
  -- One table at a time: each is another relation.
  for part in
    select mutation.table_no, array_agg(mutation) as mutations, array_agg(mutation.id) as ids
    from unnest(mutations) mutation
    where mutation.table_no is not null and mutation.id is not null
      and (stored_results -> mutation.seq::text ? 'code') is not true
    group by mutation.table_no
  loop
    begin
      outcomes := array(
        select row(outcome.n, outcome.status, visible.version, case when not visible.deleted then visible."row" end,
          outcome.lost, outcome.copy_id, outcome.conflict_id, outcome.code, outcome.message, outcome.hint
          )::tidemark.outcome
        from unnest(outcomes) outcome
        join unnest(part.mutations) mutation on mutation.n = outcome.n
        left join tidemark.current_rows(tidemark.table_by_no(part.table_no), part.ids, exact) visible
          on visible.row_id = mutation.id
        union all
        select outcome from unnest(outcomes) outcome
        where outcome.n not in (select mutation.n from unnest(part.mutations) mutation));
    exception when insufficient_privilege or data_exception then
      null;
    end;
  end loop;
  return outcomes;
end
$$;

-- The batches whose answers the device may not have received, and this one: eight at most, so that no caller can make
-- the list long. A call without mutations (first_unheard null) is no batch.
create function tidemark.remember_batch(batches jsonb, id text, above bigint, first_unheard bigint, "to" bigint)
returns jsonb
language sql
immutable
security invoker
set search_path = pg_catalog, pg_temp
as $$
  select case when first_unheard is null then batches else (
    select coalesce(jsonb_agg(kept.batch order by kept.n), '[]')
    from (
      select b.batch, b.n
      from jsonb_array_elements(batches) with ordinality as b (batch, n)
      where b.batch ->> 'id' <> remember_batch.id and (b.batch ->> 'to')::bigint >= first_unheard
      order by b.n desc
      limit 7
    ) kept
  ) || jsonb_build_object('id', remember_batch.id, 'above', above, 'to', remember_batch."to") end
$$;

create function public.sync_push(device_id uuid, mutations json, options json default '{}')
returns json
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  skew interval;
  exact boolean;
  sent tidemark.mutation[];
  sound int;
  first_seq bigint;
  device record;
  outcomes tidemark.outcome[];
  last_seq bigint;
  kept jsonb;
  outside int[] := '{}';
  results json;
  batch text;
  above bigint;
  first_unheard bigint;
begin
  perform tidemark.require_user();
  options := coalesce(options, '{}');
  if json_typeof(options) <> 'object' then
    perform tidemark.raise_api_error(400, 'malformed', 'options: expected an object');
  end if;
  perform tidemark.require_protocol(options);
  perform tidemark.require_device(sync_push.device_id);
  perform tidemark.check_batch(mutations);
  exact := tidemark.wants_exact(options);
  if options ->> 'client_time' !~ '^\d{4}-\d\d-\d\dT\d\d:\d\d(:\d\d(\.\d+)?)?(Z|[+-]\d\d:\d\d)$' then
    perform tidemark.raise_api_error(400, 'malformed', 'options.client_time: expected an RFC 3339 instant');
  end if;
  begin
    -- How far the device's clock must be moved to be right.
    skew := coalesce(now() - (options ->> 'client_time')::timestamptz, '0');
  exception when data_exception then
    perform tidemark.raise_api_error(400, 'malformed', 'options.client_time: expected an RFC 3339 instant');
  end;
  if (options -> 'unheard_from')::text !~ '^([1-9]\d{0,14}|null)$' then
    perform tidemark.raise_api_error(400, 'malformed', 'options.unheard_from: expected a seq');
  end if;
  if json_typeof(options -> 'batch') not in ('string', 'null') or length(options ->> 'batch') > 100 then
    perform tidemark.raise_api_error(400, 'malformed', 'options.batch: expected a text of up to 100 characters');
  end if;
  sent := tidemark.check_sequence(tidemark.read_mutations(mutations, 1, skew));

  device := tidemark.lock_device(sync_push.device_id);
  batch := coalesce(options ->> 'batch', encode(sha256(convert_to(mutations::text, 'UTF8')), 'hex'));
  select (known ->> 'above')::bigint into above
  from jsonb_array_elements(device.batches) known
  where known ->> 'id' = batch;
  select
      count(*) filter (where (listed.mutation).seq > device.last_seq and (listed.mutation).code is null),
      min((listed.mutation).seq),
      greatest(device.last_seq, max((listed.mutation).seq))
    into sound, first_seq, last_seq
  from (select unnest(sent) as mutation) listed;
  if sound = cardinality(sent) then
    outcomes := tidemark.apply_batch(sync_push.device_id, sent, exact);
  else
    outcomes := array(
        select row(
          mutation.n, 'rejected', null, null, null, null, null, mutation.code, mutation.message, mutation.hint
        )::tidemark.outcome
        from unnest(sent) mutation
        where mutation.seq > device.last_seq and mutation.code is not null
      ) || tidemark.apply_batch(
        sync_push.device_id,
        array(
          select mutation from unnest(sent) mutation
          where mutation.seq > device.last_seq and mutation.code is null),
        exact
      ) || tidemark.repeat_answers(
        array(select mutation from unnest(sent) mutation where mutation.seq <= device.last_seq),
        device.outcomes, exact);
  end if;
  perform tidemark.set_push_context(null, null);

  first_unheard := least(first_seq, (options ->> 'unheard_from')::bigint);
  -- The device repeats a mutation until it has the answer; so it has received the results of all that are older than
  -- its oldest mutation here. A batch that was split on the way says where it began.
  select coalesce(jsonb_object_agg(answered.seq, answered.answer), '{}') into kept
  from (
    select stored.key as seq, stored.value as answer from jsonb_each(device.outcomes) stored
    where first_seq is null or stored.key::bigint >= first_unheard
    union all
    select mutation.seq::text, jsonb_strip_nulls(jsonb_build_object('lost', outcome.lost, 'copy_id', outcome.copy_id,
      'conflict_id', outcome.conflict_id, 'code', outcome.code, 'message', outcome.message, 'hint', outcome.hint))
    from unnest(outcomes) outcome
    join (
      select (listed.mutation).n, (listed.mutation).seq from (select unnest(sent) as mutation) listed
    ) mutation on mutation.n = outcome.n and mutation.seq > device.last_seq
    where outcome.code is not null or outcome.lost is not null
      or outcome.copy_id is not null or outcome.conflict_id is not null
  ) answered;
  perform tidemark.finish_push(
    sync_push.device_id, last_seq, kept,
    tidemark.remember_batch(device.batches, batch, coalesce(above, device.last_seq), first_unheard, last_seq), (
    select jsonb_object_agg(by_table.name, by_table.counts)
    from (
      select counted.name, jsonb_object_agg(counted.status, counted.n) as counts
      from (
        select
          case when mutation.table_no is null then '' else mutation.table_name end as name,
          outcome.status, count(*) as n
        from unnest(outcomes) outcome
        join (
          select (listed.mutation).n, (listed.mutation).table_no, (listed.mutation).table_name
          from (select unnest(sent) as mutation) listed
        ) mutation on mutation.n = outcome.n
        group by 1, 2
      ) counted
      group by counted.name
    ) by_table
  ));

  -- A row of a scope that the caller is not in would stay on the device for good, for no pull speaks of it.
  if exists (select from unnest(outcomes) outcome where outcome."row" is not null) then
    outside := array(
      with places as materialized (
        select registered.table_no, registered.scope_column, tidemark.my_keys(registered.scope_kind) as keys
        from (select distinct (listed.mutation).table_no from (select unnest(sent) as mutation) listed) named
        cross join lateral tidemark.table_by_no(named.table_no) registered
        where registered.scope_kind <> 'public'
      )
      select outcome.n
      from unnest(outcomes) outcome
      join (
        select (listed.mutation).n, (listed.mutation).table_no from (select unnest(sent) as mutation) listed
      ) mutation on mutation.n = outcome.n
      join places place on place.table_no = mutation.table_no
      where outcome."row" is not null and (outcome."row" ->> place.scope_column) <> all (place.keys)
    );
  end if;

  -- Assembled as text: a row's own nulls must stay, and most results are three short fields.
  select ('[' || coalesce(string_agg(
    '{"seq":' || mutation.seq || ',"status":"' || outcome.status || '"'
    || coalesce(',"version":' || outcome.version, '')
    || case when outcome.status = 'applied' and outcome."row" is null then '' else
      case when outcome.n = any (outside) then '' else coalesce(',"row":' || outcome."row"::text, '') end
      || coalesce(',"lost":' || to_json(outcome.lost)::text, '')
      || coalesce(',"copy_id":' || to_json(outcome.copy_id)::text, '')
      || coalesce(',"conflict_id":' || to_json(outcome.conflict_id)::text, '')
      || case when outcome.code is null then ''
        else ',"error":' || json_build_object(
          'code', outcome.code, 'message', outcome.message, 'hint', coalesce(outcome.hint, ''))::text end
    end || '}',
    ',' order by mutation.n), '') || ']')::json into results
  from (select (listed.mutation).n, (listed.mutation).seq from (select unnest(sent) as mutation) listed) mutation
  join unnest(outcomes) outcome on outcome.n = mutation.n;
  if cardinality(sent) > 0 and above is not null then
    return json_build_object(
      'results', results, 'last_seq', last_seq, 'server_time', now(), 'repeated_from', above + 1);
  end if;
  return json_build_object('results', results, 'last_seq', last_seq, 'server_time', now());
end
$$;
comment on function public.sync_push(uuid, json, json) is
  'Applies a device''s queue: {results (one a mutation, same order), last_seq, server_time}. One transaction; the '
  'same seq again changes nothing.';
