-- What tidemark.add_table warns of: constraints and triggers of the app that a soft delete passes by.

-- A tombstone still holds its unique values. Says so for each constraint, and what to use instead.
create function tidemark.warn_of_unique(target oid)
returns void
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  found_index record;
begin
  -- One notice each: a warning has no set-based form.
  for found_index in
    select c.relname as name, k.conname is not null as is_constraint,
      (
        select string_agg(pg_get_indexdef(i.indexrelid, n, true), ', ' order by n)
        from generate_series(1, i.indnkeyatts) n
      ) as columns,
      (
        select string_agg(pg_get_indexdef(i.indexrelid, n, true), ', ' order by n)
        from generate_series(i.indnkeyatts + 1, i.indnatts) n
      ) as included,
      (to_jsonb(i) ->> 'indnullsnotdistinct')::boolean as nulls_not_distinct,
      pg_get_expr(i.indpred, i.indrelid) as predicate
    from pg_catalog.pg_index i
    join pg_catalog.pg_class c on c.oid = i.indexrelid
    left join pg_catalog.pg_constraint k on k.conindid = i.indexrelid and k.contype = 'u'
    where i.indrelid = target and i.indisunique and not i.indisprimary
      and coalesce(pg_get_expr(i.indpred, i.indrelid), '') not like '%deleted_at IS NULL%'
  loop
    raise warning using
      errcode = 'TM014',
      message = format(
        'unique_ignores_tombstones: a deleted row of "%s" keeps its (%s) in "%s", so no new row can have it',
        target::regclass, found_index.columns, found_index.name),
      hint = format('%s create unique index on %s (%s)%s%s where %sdeleted_at is null;',
        case when found_index.is_constraint
          then format('alter table %s drop constraint %I;', target::regclass, found_index.name)
          else format('drop index %s;', (
            select format('%I.%I', n.nspname, found_index.name)
            from pg_catalog.pg_class c
            join pg_catalog.pg_namespace n on n.oid = c.relnamespace
            where c.oid = target
          ))
        end,
        target::regclass, found_index.columns,
        case when found_index.included is null then '' else format(' include (%s)', found_index.included) end,
        case when found_index.nulls_not_distinct then ' nulls not distinct' else '' end,
        case when found_index.predicate is null then '' else format('(%s) and ', found_index.predicate) end);
  end loop;
end
$$;

-- The app's triggers that a soft delete passes by, as it is an update: those for each row after a delete
-- or sorted after our own before it, and those that look at the rows that were deleted. One that knows of
-- deleted_at, or whose function is also called when that changes, is taken to be told.
create function tidemark.triggers_passed_by(target oid)
returns name[]
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return array(
    select g.tgname
    from pg_catalog.pg_trigger g
    join pg_catalog.pg_proc f on f.oid = g.tgfoid
    where g.tgrelid = target and not g.tgisinternal and g.tgenabled <> 'D'
      and f.pronamespace <> 'tidemark'::regnamespace
      and g.tgtype & 8 > 0 -- delete
      and case when g.tgtype & 1 = 0 then g.tgoldtable is not null -- for each statement
        else g.tgtype & 2 = 0 or g.tgname::text collate "C" > 'tidemark_delete' end -- after; before
      and f.prosrc not like '%deleted_at%'
      and not exists (
        select from pg_catalog.pg_trigger also
        where also.tgrelid = target and also.tgfoid = g.tgfoid and pg_get_triggerdef(also.oid) like '%deleted_at%')
    order by g.tgname
  );
end
$$;

create function tidemark.warn_of_triggers(target oid)
returns void
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
declare
  passed_by name[] := tidemark.triggers_passed_by(target);
begin
  if passed_by <> '{}' then
    raise warning using
      errcode = 'TM018',
      message = format(
        'triggers_passed_by: deleting a row of "%s" will be an update of deleted_at, which is not told to %s',
        target::regclass, (
          select string_agg(quote_ident(t), ', ' order by n) from unnest(passed_by) with ordinality as p (t, n)
        )),
      hint = format(
        'Call their functions so too: create trigger … after update of deleted_at on %s for each row '
        'when (old.deleted_at is null and new.deleted_at is not null) execute function …; and make those on delete '
        'again with "when (old.deleted_at is null)": tidemark.purge deletes tombstones for good.',
        target::regclass);
  end if;
end
$$;
