-- Every table, view and sequence of Tidemark, those to come as well: closed to all but their owner.
begin;
\ir ../helpers.psql
select plan(13);

create temp view ours as
select c.oid, c.oid::regclass as name, c.relkind, c.relacl, c.relowner, c.relrowsecurity, c.reloptions
from pg_class c where c.relnamespace = 'tidemark'::regnamespace and c.relkind in ('r', 'p', 'v', 'm', 'f', 'S');

select is_empty($$select name from ours where relkind in ('r', 'p') and not relrowsecurity$$, 'row level security is on for every table');
select is_empty(
  $$select o.name from ours o where o.relkind in ('r', 'p') and not exists (
      select from pg_policy p where p.polrelid = o.oid and p.polcmd = '*' and pg_get_expr(p.polqual, p.polrelid) = 'false'
        and pg_get_expr(p.polwithcheck, p.polrelid) = 'false')$$,
  'and closed by a policy, too'
);
select is_empty(
  $$select p.polname, p.polrelid::regclass from pg_policy p join ours o on o.oid = p.polrelid where pg_get_expr(p.polqual, p.polrelid) <> 'false'$$,
  'no policy opens one'
);
select is_empty(
  $$select o.name, a.grantee::regrole from ours o cross join aclexplode(o.relacl) a where a.grantee <> o.relowner$$,
  'nothing is granted on any of them'
);
select is_empty(
  $$select o.name from ours o join pg_attribute a on a.attrelid = o.oid where a.attacl is not null$$, 'nor on a column of one'
);
select is_empty(
  $$select o.name, r.rolname from ours o cross join pg_roles r
    where r.rolname in ('anon', 'authenticated', 'service_role', 'authenticator') and o.relkind <> 'S'
      and has_table_privilege(r.rolname, o.oid, 'select, insert, update, delete, truncate, references, trigger')$$,
  'no role of the API has a right on any'
);
select is_empty(
  $$select name from ours where relkind in ('v', 'm') and not coalesce('security_invoker=true' = any (reloptions), false)$$,
  'every view reads with its reader''s rights'
);
select is_empty($$select name from ours where relowner <> 'postgres'::regrole$$, 'all belong to postgres');
select is_empty(
  $$select n.nspname, a.grantee::regrole, a.privilege_type from pg_namespace n cross join aclexplode(n.nspacl) a
    where n.nspname = 'tidemark' and a.grantee <> n.nspowner and (a.grantee, a.privilege_type) <> ('authenticated'::regrole, 'USAGE')$$,
  'the schema is open to signed-in users alone, and for use alone'
);
select is_empty(
  $$select o.name from ours o where o.relkind = 'r' and obj_description(o.oid, 'pg_class') is null$$, 'every table has a comment'
);
select is_empty(
  $$select c.conname from pg_constraint c join ours o on o.oid = c.conrelid
    where c.contype = 'c' and c.conname ~ '_check\d*$'$$,
  'every check is named by what it says'
);
select is_empty(
  $$select a.attrelid::regclass, a.attname from ours o join pg_attribute a on a.attrelid = o.oid and a.attnum > 0 and not a.attisdropped
    where o.relkind = 'r' and a.atttypid in ('regclass'::regtype, 'regproc'::regtype, 'regprocedure'::regtype, 'regtype'::regtype)$$,
  'no table holds what blocks an upgrade'
);
select is_empty(
  $$select t.typname from pg_type t cross join aclexplode(t.typacl) a
    where t.typnamespace = 'tidemark'::regnamespace and a.grantee not in (0, t.typowner)$$,
  'no type is granted to anybody in particular'
);

select * from finish();
rollback;
