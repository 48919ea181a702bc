-- A list of mutations. Set-based: one statement a table and operation, in foreign-key order. Only when a statement
-- raises is the list halved, until the mutation that raised stands alone and is answered as rejected.

-- Applies all mutations, or raises. Rounds keep several mutations of one row in order; within a round parents are
-- written before children, and children deleted before parents.
create function tidemark.apply_all(
  device uuid, mutations tidemark.mutation[], targets tidemark.push_target[], exact boolean
)
returns tidemark.outcome[]
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  part record;
  outcomes tidemark.outcome[] := '{}';
  answers tidemark.outcome[];
  chosen tidemark.mutation[];
  absent tidemark.mutation[];
begin
  -- One group at a time: each is another table or operation.
  for part in
    select grouped.*, target as target
    from (
      select (listed.mutation).round, (listed.mutation).table_no, (listed.mutation).op, count(*) as n
      from (select unnest(mutations) as mutation) listed
      group by 1, 2, 3
    ) grouped
    join unnest(targets) target on (target.registered).table_no = grouped.table_no
    order by
      grouped.round, grouped.op = 'delete', case when grouped.op = 'delete' then -target.rank else target.rank end,
      grouped.table_no, grouped.op = 'patch'
  loop
    chosen := mutations;
    if part.n < cardinality(mutations) then
      chosen := array(
        select listed.mutation from (select unnest(mutations) as mutation) listed
        where (listed.mutation).round = part.round
          and (listed.mutation).table_no = part.table_no and (listed.mutation).op = part.op);
    end if;
    perform tidemark.set_push_context(device, chosen);
    if part.op = 'delete' then
      answers := tidemark.delete_rows(part.target, chosen, device, exact);
    elsif part.op = 'patch' then
      answers := tidemark.edit_rows(part.target, chosen, device, exact);
    else
      answers := tidemark.insert_rows(part.target, chosen, exact);
      if answers is null then
        answers := tidemark.edit_rows(part.target, chosen, device, exact);
        absent := array(
          select mutation from unnest(chosen) mutation
          join unnest(answers) outcome on outcome.n = mutation.n and outcome.status = 'absent');
        if cardinality(absent) > 0 then
          answers := array(select outcome from unnest(answers) outcome where outcome.status <> 'absent')
            || tidemark.insert_rows(part.target, absent, exact);
          if cardinality(answers) < cardinality(chosen) then
            perform tidemark.refuse_columns(
              (part.target).not_insertable,
              array(select k from unnest(absent) mutation cross join lateral jsonb_object_keys(mutation.data) k));
            -- taken by a row that the caller may not see
            raise insufficient_privilege;
          end if;
        end if;
      end if;
    end if;
    outcomes := outcomes || answers;
  end loop;
  return outcomes;
end
$$;

-- The result of a mutation that raised. Messages name columns and constraints, never values of other rows.
create function tidemark.rejection(
  n int, state text, message text, hint text, table_name text,
  schema_of text, constraint_of text, relation_of text, column_of text
)
returns tidemark.outcome
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select case
      when state = '42501' and column_of <> '' then row(
        n, 'rejected', null, null, null, null, null, 'forbidden',
        format(
          case when column_of like '%, %' then 'columns %s of "%s" are not yours to write'
            else 'column %s of "%s" is not yours to write' end,
          column_of, table_name),
        'Leave it out.')::tidemark.outcome
      when state = '42501' then row(
        n, 'rejected', null, null, null, null, null, 'forbidden',
        format('the policies of "%s" do not allow this', table_name),
        null)::tidemark.outcome
      when state = '23505' then row(
        n, 'rejected', null, null, null, null, null, 'unique',
        format('another row already has this %s', coalesce((
          select string_agg(pg_get_indexdef(x.indexrelid, part.place, true), ', ' order by part.place)
          from pg_catalog.pg_index x
          cross join lateral generate_series(1, x.indnkeyatts) as part (place)
          where x.indexrelid = to_regclass(format('%I.%I', schema_of, constraint_of))), 'value')),
        format('Unique constraint "%s". Change the value and send the edit again.', constraint_of))::tidemark.outcome
      when state in ('23503', '23001') then row(
        n, 'rejected', null, null, null, null, null, 'foreign_key',
        message,
        coalesce(
          nullif(hint, ''),
          format('Foreign key "%s": the row it points to is not there.', constraint_of)))::tidemark.outcome
      when state in ('23502', '23514', '23P01', 'P0001') then row(
        n, 'rejected', null, null, null, null, null, 'constraint',
        message,
        coalesce(
          nullif(hint, ''),
          format('Constraint %s of "%s".',
            coalesce(nullif(constraint_of, ''), nullif(column_of, ''), 'in a trigger'),
            coalesce(nullif(relation_of, ''), table_name))))::tidemark.outcome
      when state like '54%' then row(
        n, 'rejected', null, null, null, null, null, 'too_large', message, hint)::tidemark.outcome
      when state like '22%' then row(
        n, 'rejected', null, null, null, null, null, 'invalid_value', message, hint)::tidemark.outcome
      else row(
        n, 'rejected', null, null, null, null, null, 'constraint', message, hint)::tidemark.outcome
    end
  );
end
$$;

-- Checks what COMMIT would: constraints that wait for the end of the transaction are asked now, while their
-- error can still be held against a mutation. Afterwards they wait as before, for the mutations that follow
-- and for the other statements of the caller's transaction; Postgres has no other way to undo SET CONSTRAINTS than
-- to undo a block. So each constraint is checked twice, and what its trigger writes is written once.
create function tidemark.check_deferred()
returns void
language plpgsql
volatile
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
begin
  set constraints all immediate;
  raise exception using errcode = 'TMEND', message = 'nothing_found: undoes the block, and is caught below';
exception when sqlstate 'TMEND' then
  null;
end
$$;

-- Applies all mutations that can be applied, and rejects the others one by one. A list that fails is halved, a short
-- one taken apart.
create function tidemark.apply_mutations(
  device uuid, mutations tidemark.mutation[], targets tidemark.push_target[], exact boolean
)
returns tidemark.outcome[]
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  size int := cardinality(mutations);
  outcomes tidemark.outcome[] := '{}';
  state text;
  message text;
  hint text;
  schema_of text;
  constraint_of text;
  relation_of text;
  column_of text;
begin
  if size = 0 then
    return outcomes;
  end if;
  begin
    outcomes := tidemark.apply_all(device, mutations, targets, exact);
    perform tidemark.check_deferred();
    return outcomes;
  exception when assert_failure or others then
    get stacked diagnostics
      state = returned_sqlstate, message = message_text, hint = pg_exception_hint, schema_of = schema_name,
      constraint_of = constraint_name, relation_of = table_name, column_of = column_name;
    -- not the mutation's fault: deadlock, serialization, resources, shutdown, corruption
    if state ~ '^(40|53|57|58|55P03|XX001|XX002)' then
      raise;
    end if;
  end;
  outcomes := '{}';
  if size = 1 then
    if state in ('42601', '42P01') and exists (
      select from unnest(targets) t
      where (t.registered).table_no = (mutations[1]).table_no and tidemark.is_gone((t.registered).relation))
    then
      return array[row((mutations[1]).n, 'rejected', null, null, null, null, null, 'unknown_table',
        format('table "%s" is not synced', (mutations[1]).table_name), 'It was dropped just now.')::tidemark.outcome];
    end if;
    return array[tidemark.rejection((mutations[1]).n, state, message, hint, (mutations[1]).table_name,
      schema_of, constraint_of, relation_of, column_of)];
  elsif size > 8 then
    return tidemark.apply_mutations(device, mutations[:size / 2], targets, exact)
      || tidemark.apply_mutations(device, mutations[size / 2 + 1:], targets, exact);
  end if;
  -- One by one: each may fail by itself.
  for i in 1..size loop
    outcomes := outcomes || tidemark.apply_mutations(device, mutations[i:i], targets, exact);
  end loop;
  return outcomes;
end
$$;

-- Applies a list, and tries mutations again that were refused because another row was not there yet, or still there,
-- as long as that helps: taking the list apart must not make its order matter.
create function tidemark.apply_batch(device uuid, mutations tidemark.mutation[], exact boolean)
returns tidemark.outcome[]
language plpgsql
volatile
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  targets tidemark.push_target[] := tidemark.push_targets(
    array(select distinct mutation.table_no from unnest(mutations) mutation));
  outcomes tidemark.outcome[];
  again tidemark.mutation[];
  answers tidemark.outcome[];
begin
  -- What a caller's own transaction left to its end is no mutation's fault.
  perform tidemark.check_deferred();
  outcomes := tidemark.apply_mutations(device, mutations, targets, exact);
  loop
    again := array(
      select mutation from unnest(mutations) mutation
      join unnest(outcomes) outcome on outcome.n = mutation.n
      where outcome.code in ('foreign_key', 'unique', 'not_found')
        -- an edit that came after it and stands must not be overwritten
        and not exists (
          select from unnest(mutations) later
          join unnest(outcomes) answer on answer.n = later.n
          where later.table_no = mutation.table_no and later.id = mutation.id and later.n > mutation.n
            and answer.code is null)
      order by mutation.n);
    exit when cardinality(again) in (0, cardinality(mutations));
    answers := tidemark.apply_mutations(device, again, targets, exact);
    exit when not exists (select from unnest(answers) outcome where outcome.code is null);
    outcomes := array(
      select outcome from unnest(outcomes) outcome
      where outcome.n not in (select answer.n from unnest(answers) answer)) || answers;
  end loop;
  return outcomes;
end
$$;
