-- Push of edits: one statement a table for what the merge left to write, and an answer for every mutation, also for
-- those that left nothing to write.

-- Applies puts and patches of rows that exist. A put whose id is free comes back as status 'absent'. Raises where a
-- trigger of the app kept a row as it was: nothing else that the trigger did must stay.
create function tidemark.edit_rows(
  target tidemark.push_target, mutations tidemark.mutation[], device uuid, exact boolean
)
returns tidemark.outcome[]
language plpgsql
volatile
security invoker
set search_path = pg_catalog, public, extensions, pg_temp
as $$
declare
  registered tidemark.live_tables := target.registered;
  edits tidemark.edit[] := tidemark.detect_restored_versions(
    target, tidemark.find_rows(target, mutations), device);
  columns text[];
  outcomes tidemark.outcome[];
  asked bigint;
  kept_out bigint;
  unchanged int[] := '{}';
begin
  -- One that names a column that is not to be written may have sent it along unchanged.
  if exists (
    select from unnest(edits) edit
    where edit.row_state = 'live' and (edit.version <> edit.base or edit.data ?| target.not_updatable)
  ) then
    select array_agg(edit) into edits from (
      select edit from unnest(edits) edit
      where edit.row_state <> 'live' or edit.version = edit.base and not edit.data ?| target.not_updatable
      union all
      select merged from unnest(tidemark.merge_edits(
        target,
        array(
          select edit from unnest(edits) edit
          where edit.row_state = 'live' and (edit.version <> edit.base or edit.data ?| target.not_updatable)),
        device)) merged
    ) both_kinds (edit);
  end if;

  select array_agg(distinct k) into columns
  from unnest(edits) edit cross join lateral jsonb_object_keys(edit.data) k
  where edit.row_state = 'live';
  if target.not_updatable <> '{}' then
    perform tidemark.refuse_columns(target.not_updatable, columns || array(
      select c from unnest(edits) edit cross join lateral unnest(edit.lost || edit.undecided) c));
  end if;
  if columns && target.not_readable and exists (
    select from unnest(edits) edit
    where edit.row_state = 'live' and edit.data <> '{}'
      and not edit.data ?& array(select c from unnest(columns) c where c = any (target.not_readable)))
  then
    -- An edit that leaves such a column alone cannot be written together with one that does not, as its
    -- value is not to be had: this takes the list apart.
    raise insufficient_privilege;
  end if;
  if columns is not null then
    execute format(
      'with tidemark_m as materialized (
         select
           edit.n as tidemark_n, edit.id as tidemark_id, edit.id::%4$s as tidemark_key, edit.stale as tidemark_stale,
           edit.echo as tidemark_echo, edit.lost as tidemark_lost, edit.conflict_id as tidemark_conflict,
           pg_catalog.jsonb_populate_record(%8$s, edit.data) as tidemark_r
         from unnest($1) edit
         join %1$s tidemark_row on tidemark_row.%3$I = edit.id::%4$s
         where edit.row_state = ''live'' and edit.data <> ''{}''
       ),
       written as (
         update %1$s t set %2$s
         from tidemark_m
         where t.%3$I = tidemark_m.tidemark_key
         returning
           tidemark_m.tidemark_n, tidemark_m.tidemark_stale, tidemark_m.tidemark_lost, tidemark_m.tidemark_conflict,
           t.version,
           case when tidemark_m.tidemark_stale or tidemark_m.tidemark_echo
               or row(%5$s)::record operator(pg_catalog.*<>) row(%6$s)::record
             then (select row_to_json(tidemark_page) from (select %7$s) tidemark_page) end as tidemark_json
       )
       select array_agg(row(written.tidemark_n,
         case
           when written.tidemark_conflict is not null then ''conflict''
           when written.tidemark_stale then ''merged''
           else ''applied''
         end,
         written.version, written.tidemark_json, written.tidemark_lost, null, written.tidemark_conflict,
         null, null, null)::tidemark.outcome),
         (select count(*) from tidemark_m)
       from written',
      target.row_type,
      (
        select string_agg(format(
          case when k = any (target.json_required)
            then '%1$I = coalesce((tidemark_m.tidemark_r).%1$I, ''null'')'
            else '%1$I = (tidemark_m.tidemark_r).%1$I'
          end, k), ', ')
        from unnest(columns) k
      ),
      registered.key_column, registered.key_type, target.stored, target.sent,
      tidemark.pulled_columns(registered.relation, exact), target.visible_row
    ) into outcomes, asked using edits;
    if asked > coalesce(cardinality(outcomes), 0) then
      -- To lock a row asks the policies that an update asks: what they let through was kept out by a trigger. A trigger
      -- that keeps out updates that change nothing has kept out nothing.
      execute format(
        'select
           coalesce(array_agg(locked.n) filter (where locked.same), ''{}''), count(*) filter (where not locked.same)
         from (
           select edit.n,
             pg_catalog.jsonb_populate_record(held.theirs, edit.data) operator(pg_catalog.*=) held.theirs as same
           from unnest($1) edit
           join (
             select tidemark_row.%2$I::text as id, %4$s as theirs
             from %1$s tidemark_row
             where tidemark_row.%2$I = any ($2::%3$s[])
             for no key update
           ) held on held.id = edit.id
         ) locked',
        target.row_type, registered.key_column, registered.key_type, target.visible_row
      ) into unchanged, kept_out using edits, array(
        select edit.id from unnest(edits) edit
        where edit.row_state = 'live' and edit.data <> '{}'
          and edit.n not in (select outcome.n from unnest(outcomes) outcome));
      if kept_out > 0 then
        raise exception using
          errcode = 'triggered_action_exception',
          message = format('a trigger of "%s" kept this edit out', registered.name),
          hint = 'Change what the trigger does not let through, and send it again.';
      end if;
    end if;
    if target.has_parents then
      perform tidemark.refuse_orphans(
        registered.table_no,
        array(
          select edit.id from unnest(edits) with ordinality edit
          where edit.row_state = 'live' order by edit.ordinality),
        array(
          select edit.data from unnest(edits) with ordinality edit
          where edit.row_state = 'live' order by edit.ordinality));
    end if;
  end if;

  return outcomes || array(
    select case
      when edit.row_state = 'missing' and edit.op = 'put' then
        row(edit.n, 'absent', null, null, null, null, null, null, null, null)::tidemark.outcome
      when edit.row_state = 'missing' then row(edit.n, 'rejected', null, null, null, null, null, 'not_found',
        format('no row of "%s" has this id', registered.name), 'Put the whole row to create it.')::tidemark.outcome
      when edit.row_state = 'gone' then row(edit.n, 'rejected', null, null, null, null, null, 'gone',
        'the row was deleted', 'Put it under a new id to keep the edit.')::tidemark.outcome
      when edit.data <> '{}' and edit.n <> all (unchanged) then row(
        edit.n, 'rejected', edit.version, null, null, null, null, 'forbidden',
        format('the policies of "%s" do not allow this', registered.name), null)::tidemark.outcome
      -- nothing left to write: overruled, waiting, copied, or there was nothing to change
      else row(edit.n,
        case
          when coalesce(edit.lost, edit.undecided) is not null then 'conflict'
          when edit.stale then 'merged'
          else 'applied'
        end,
        edit.version, visible."row", edit.lost, edit.copy_id, edit.conflict_id, null, null, null)::tidemark.outcome
    end
    from unnest(edits) edit
    left join tidemark.current_rows(registered, array(
      select unwritten.id from unnest(edits) unwritten
      where (unwritten.data = '{}' or unwritten.n = any (unchanged)) and (unwritten.stale or unwritten.echo)
    ), exact) visible on visible.row_id = edit.id
    where edit.n not in (select outcome.n from unnest(outcomes) outcome)
  );
end
$$;
