-- All that a database holds beside what Postgres itself brings, one row a property: what object, which property,
-- its value. dev/catalogue.ts compares two databases by it.
with
schemas as (
  select n.oid, n.nspname, n.nspowner, n.nspacl
  from pg_catalog.pg_namespace n
  where n.nspname !~ '^pg_' and n.nspname not in ('information_schema', 'supabase_migrations')
),
extension_members as (
  select d.classid, d.objid from pg_catalog.pg_depend d where d.deptype = 'e'
),
relations as (
  select c.*, c.oid::regclass::text as name
  from pg_catalog.pg_class c
  where c.relnamespace in (select s.oid from schemas s)
    and ('pg_catalog.pg_class'::regclass, c.oid) not in (select m.classid, m.objid from extension_members m)
),
functions as (
  select p.*, p.oid::regprocedure::text as name
  from pg_catalog.pg_proc p
  where p.pronamespace in (select s.oid from schemas s)
    and ('pg_catalog.pg_proc'::regclass, p.oid) not in (select m.classid, m.objid from extension_members m)
),
types as (
  select y.*, y.oid::regtype::text as name
  from pg_catalog.pg_type y
  where y.typnamespace in (select s.oid from schemas s) and y.typtype in ('e', 'd', 'r')
    and ('pg_catalog.pg_type'::regclass, y.oid) not in (select m.classid, m.objid from extension_members m)
),
properties as (
  select 'schema ' || s.nspname as object, p.property, p.value
  from schemas s
  cross join lateral (values
    ('owner', s.nspowner::regrole::text),
    ('grants', s.nspacl::text),
    ('comment', obj_description(s.oid, 'pg_namespace'))
  ) as p (property, value)

  union all
  select 'extension ' || e.extname, p.property, p.value
  from pg_catalog.pg_extension e
  cross join lateral (values
    ('version', e.extversion),
    ('schema', e.extnamespace::regnamespace::text)
  ) as p (property, value)

  union all
  select
    case f.prokind when 'p' then 'procedure ' when 'a' then 'aggregate ' else 'function ' end || f.name,
    p.property, p.value
  from functions f
  cross join lateral (values
    ('definition', case when f.prokind <> 'a' then pg_get_functiondef(f.oid) end),
    ('result', pg_get_function_result(f.oid)),
    ('volatility', f.provolatile::text),
    ('security', case when f.prosecdef then 'definer' else 'invoker' end),
    ('settings', f.proconfig::text),
    ('owner', f.proowner::regrole::text),
    ('grants', f.proacl::text),
    ('comment', obj_description(f.oid, 'pg_proc'))
  ) as p (property, value)

  union all
  select 'type ' || y.name, p.property, p.value
  from types y
  cross join lateral (values
    ('kind', y.typtype::text),
    ('labels', (
      select string_agg(e.enumlabel, ', ' order by e.enumsortorder)
      from pg_catalog.pg_enum e
      where e.enumtypid = y.oid)),
    ('base', format_type(nullif(y.typbasetype, 0), y.typtypmod)),
    ('not null', y.typnotnull::text),
    ('default', y.typdefault),
    ('owner', y.typowner::regrole::text),
    ('grants', y.typacl::text),
    ('comment', obj_description(y.oid, 'pg_type'))
  ) as p (property, value)

  union all
  select
    concat_ws(' ', case r.relkind
      when 'r' then 'table' when 'v' then 'view' when 'c' then 'type' when 'i' then 'index' when 'S' then 'sequence'
      else 'relation of kind ' || r.relkind::text
    end, r.name),
    p.property, p.value
  from relations r
  left join pg_catalog.pg_type y on y.oid = r.reltype and r.relkind = 'c'
  cross join lateral (values
    ('definition', case
      when r.relkind in ('v', 'm') then pg_get_viewdef(r.oid)
      when r.relkind = 'i' then pg_get_indexdef(r.oid)
      when r.relkind = 'S' then (
        select concat_ws(
          ' ', q.seqtypid::regtype, q.seqstart, q.seqincrement, q.seqmin, q.seqmax, q.seqcache, q.seqcycle)
        from pg_catalog.pg_sequence q
        where q.seqrelid = r.oid)
    end),
    ('unique, primary, valid', (
      select concat_ws(', ', i.indisunique, i.indisprimary, i.indisvalid)
      from pg_catalog.pg_index i
      where i.indexrelid = r.oid)),
    ('persistence', r.relpersistence::text),
    ('row level security', case when r.relkind = 'r' then concat_ws(', ', r.relrowsecurity, r.relforcerowsecurity) end),
    ('options', r.reloptions::text),
    ('replica identity', r.relreplident::text),
    ('owner', r.relowner::regrole::text),
    ('grants', coalesce(r.relacl, y.typacl)::text),
    ('comment', coalesce(obj_description(r.oid, 'pg_class'), obj_description(y.oid, 'pg_type')))
  ) as p (property, value)

  union all
  select 'column ' || r.name || '.' || quote_ident(a.attname), p.property, p.value
  from relations r
  join pg_catalog.pg_attribute a on a.attrelid = r.oid and a.attnum > 0 and not a.attisdropped
  left join pg_catalog.pg_attrdef d on d.adrelid = a.attrelid and d.adnum = a.attnum
  cross join lateral (values
    ('place', a.attnum::text),
    ('type', format_type(a.atttypid, a.atttypmod)),
    ('not null', a.attnotnull::text),
    ('default', pg_get_expr(d.adbin, d.adrelid)),
    ('generated', a.attgenerated::text),
    ('identity', a.attidentity::text),
    ('collation', nullif(a.attcollation, 0)::regcollation::text),
    ('grants', a.attacl::text),
    ('comment', col_description(a.attrelid, a.attnum))
  ) as p (property, value)
  where r.relkind in ('r', 'v', 'm', 'c', 'p', 'f')

  union all
  select 'constraint ' || quote_ident(k.conname) || ' on ' || r.name, p.property, p.value
  from pg_catalog.pg_constraint k
  join relations r on r.oid = k.conrelid
  cross join lateral (values
    ('definition', pg_get_constraintdef(k.oid)),
    ('valid', k.convalidated::text),
    ('comment', obj_description(k.oid, 'pg_constraint'))
  ) as p (property, value)

  union all
  select 'trigger ' || quote_ident(g.tgname) || ' on ' || r.name, p.property, p.value
  from pg_catalog.pg_trigger g
  join relations r on r.oid = g.tgrelid
  cross join lateral (values
    ('definition', pg_get_triggerdef(g.oid)),
    ('enabled', g.tgenabled::text),
    ('comment', obj_description(g.oid, 'pg_trigger'))
  ) as p (property, value)
  where not g.tgisinternal

  union all
  select 'policy ' || quote_ident(o.polname) || ' on ' || r.name, p.property, p.value
  from pg_catalog.pg_policy o
  join relations r on r.oid = o.polrelid
  cross join lateral (values
    ('command', o.polcmd::text),
    ('permissive', o.polpermissive::text),
    ('roles', (select string_agg(case m.role when 0 then 'public' else m.role::regrole::text end, ', ' order by m.role)
      from unnest(o.polroles) as m (role))),
    ('using', pg_get_expr(o.polqual, o.polrelid)),
    ('check', pg_get_expr(o.polwithcheck, o.polrelid)),
    ('comment', obj_description(o.oid, 'pg_policy'))
  ) as p (property, value)

  union all
  select
    concat_ws(' ', 'default privileges of', d.defaclrole::regrole, 'for', d.defaclobjtype,
      'in ' || nullif(d.defaclnamespace, 0)::regnamespace),
    'grants', d.defaclacl::text
  from pg_catalog.pg_default_acl d

  union all
  select
    'event trigger ' || v.evtname,
    'definition', concat_ws(' ', v.evtevent, v.evtfoid::regprocedure, v.evtenabled, v.evttags)
  from pg_catalog.pg_event_trigger v
)
select p.object, p.property, p.value
from properties p
where p.value is not null
order by p.object, p.property;
