-- Push: a device's queue, exactly once. The device is locked, what an earlier call decided is answered again, the rest
-- is applied as the caller, and the results of this call are stored until the device has received them. The edge
-- functions sync and sync-push call it, and clients do.

-- Mutations that an earlier call already decided: what it said, and the rows of those that it took as they
-- are now, where the caller may read them. A refused one may have an id that no row can have.
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
      m.n, 'duplicate', null, null,
      case when said.answer ? 'lost' then array(select l from jsonb_array_elements_text(said.answer -> 'lost') l) end,
      said.answer ->> 'copy_id', (said.answer ->> 'conflict_id')::uuid,
      said.answer ->> 'code', said.answer ->> 'message', said.answer ->> 'hint'
    )::tidemark.outcome
    from unnest(mutations) m
    cross join lateral (select stored_results -> m.seq::text as answer) said);
begin
  -- One table at a time: each is another relation.
  for part in
    select m.table_no, array_agg(m) as mutations, array_agg(m.id) as ids
    from unnest(mutations) m
    where m.table_no is not null and m.id is not null and (stored_results -> m.seq::text ? 'code') is not true
    group by m.table_no
  loop
    begin
      outcomes := array(
        select row(o.n, o.status, c.version, case when not c.deleted then c."row" end,
          o.lost, o.copy_id, o.conflict_id, o.code, o.message, o.hint)::tidemark.outcome
        from unnest(outcomes) o
        join unnest(part.mutations) m on m.n = o.n
        left join tidemark.current_rows(tidemark.table_by_no(part.table_no), part.ids, exact) c on c.row_id = m.id
        union all
        select o from unnest(outcomes) o where o.n not in (select m.n from unnest(part.mutations) m));
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
    -- What the device's clock must be moved by to be right.
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
  select (b ->> 'above')::bigint into above from jsonb_array_elements(device.batches) b where b ->> 'id' = batch;
  select
      count(*) filter (where (u.m).seq > device.last_seq and (u.m).code is null),
      min((u.m).seq),
      greatest(device.last_seq, max((u.m).seq))
    into sound, first_seq, last_seq
  from (select unnest(sent) as m) u;
  if sound = cardinality(sent) then
    outcomes := tidemark.apply_batch(sync_push.device_id, sent, exact);
  else
    outcomes := array(
        select row(m.n, 'rejected', null, null, null, null, null, m.code, m.message, m.hint)::tidemark.outcome
        from unnest(sent) m
        where m.seq > device.last_seq and m.code is not null
      ) || tidemark.apply_batch(
        sync_push.device_id, array(select m from unnest(sent) m where m.seq > device.last_seq and m.code is null), exact
      ) || tidemark.repeat_answers(
        array(select m from unnest(sent) m where m.seq <= device.last_seq), device.outcomes, exact);
  end if;
  perform tidemark.set_push_context(null, null);

  first_unheard := least(first_seq, (options ->> 'unheard_from')::bigint);
  -- The device repeats a mutation until it has the answer; so it has received the results of all that are older than
  -- its oldest mutation here. A batch that was split on the way says where it began.
  select coalesce(jsonb_object_agg(k.seq, k.answer), '{}') into kept
  from (
    select h.key as seq, h.value as answer from jsonb_each(device.outcomes) h
    where first_seq is null or h.key::bigint >= first_unheard
    union all
    select m.seq::text, jsonb_strip_nulls(jsonb_build_object('lost', o.lost, 'copy_id', o.copy_id,
      'conflict_id', o.conflict_id, 'code', o.code, 'message', o.message, 'hint', o.hint))
    from unnest(outcomes) o
    join (select (u.m).n, (u.m).seq from (select unnest(sent) as m) u) m on m.n = o.n and m.seq > device.last_seq
    where o.code is not null or o.lost is not null or o.copy_id is not null or o.conflict_id is not null
  ) k;
  perform tidemark.finish_push(
    sync_push.device_id, last_seq, kept,
    tidemark.remember_batch(device.batches, batch, coalesce(above, device.last_seq), first_unheard, last_seq), (
    select jsonb_object_agg(t.name, t.counts)
    from (
      select c.name, jsonb_object_agg(c.status, c.n) as counts
      from (
        select case when m.table_no is null then '' else m.table_name end as name, o.status, count(*) as n
        from unnest(outcomes) o
        join (
          select (u.m).n, (u.m).table_no, (u.m).table_name from (select unnest(sent) as m) u
        ) m on m.n = o.n
        group by 1, 2
      ) c
      group by c.name
    ) t
  ));

  -- A row of a scope that the caller is not in would stay on the device for good, for no pull speaks of it.
  if exists (select from unnest(outcomes) o where o."row" is not null) then
    outside := array(
      with places as materialized (
        select t.table_no, t.scope_column, tidemark.my_keys(t.scope_kind) as keys
        from (select distinct (u.m).table_no from (select unnest(sent) as m) u) d
        cross join lateral tidemark.table_by_no(d.table_no) t
        where t.scope_kind <> 'public'
      )
      select o.n
      from unnest(outcomes) o
      join (select (u.m).n, (u.m).table_no from (select unnest(sent) as m) u) m on m.n = o.n
      join places p on p.table_no = m.table_no
      where o."row" is not null and (o."row" ->> p.scope_column) <> all (p.keys)
    );
  end if;

  -- Assembled as text: a row's own nulls must stay, and most results are three short fields.
  select ('[' || coalesce(string_agg(
    '{"seq":' || m.seq || ',"status":"' || o.status || '"'
    || coalesce(',"version":' || o.version, '')
    || case when o.status = 'applied' and o."row" is null then '' else
      case when o.n = any (outside) then '' else coalesce(',"row":' || o."row"::text, '') end
      || coalesce(',"lost":' || to_json(o.lost)::text, '')
      || coalesce(',"copy_id":' || to_json(o.copy_id)::text, '')
      || coalesce(',"conflict_id":' || to_json(o.conflict_id)::text, '')
      || case when o.code is null then ''
        else ',"error":' || json_build_object(
          'code', o.code, 'message', o.message, 'hint', coalesce(o.hint, ''))::text end
    end || '}',
    ',' order by m.n), '') || ']')::json into results
  from (select (u.m).n, (u.m).seq from (select unnest(sent) as m) u) m
  join unnest(outcomes) o on o.n = m.n;
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
