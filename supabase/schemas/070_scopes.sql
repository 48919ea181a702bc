-- Shared scopes: the members table of a kind says who belongs to `trip:<id>`. Pull, push, verification and Realtime ask
-- tidemark.my_scopes() what the caller belongs to. tidemark.add_scope (110_members.sql) declares a kind.

create table tidemark.sync_scopes (
  kind text primary key,
  schema_name text not null,
  table_name text not null,
  key_column text not null,
  user_column text not null,
  index_name text not null,
  constraint a_kind_is_one_plain_word check (kind ~ '^[a-z][a-z0-9_]*$' and kind not in ('user', 'public', 'function'))
);
comment on table tidemark.sync_scopes is 'Declared kinds of shared scopes and the table that says who belongs to them.';
comment on column tidemark.sync_scopes.index_name is
  'The index on (user, key) that finds a user''s memberships; it also tells what the two columns are called now.';

-- Kinds in every relation that could be their members table, with the names that the columns have there: a
-- table, and its columns, may be renamed without a call. A membership that is a tombstone is none.
create view tidemark.declared_members with (security_invoker = true) as
select
  s.kind,
  coalesce(key.attname, s.key_column::name) as key_column,
  coalesce(member.attname, s.user_column::name) as user_column,
  c.oid as relation, s.index_name,
  exists (
    select from pg_catalog.pg_attribute a
    where a.attrelid = c.oid and a.attname = 'deleted_at' and not a.attisdropped) as soft,
  s.schema_name = n.nspname and s.table_name = c.relname as has_the_name
from tidemark.sync_scopes s
cross join pg_catalog.pg_class c
join pg_catalog.pg_namespace n on n.oid = c.relnamespace
left join pg_catalog.pg_class ic on ic.relnamespace = n.oid and ic.relname = s.index_name
left join pg_catalog.pg_index i on i.indexrelid = ic.oid and i.indrelid = c.oid
left join pg_catalog.pg_attribute member on member.attrelid = c.oid and member.attnum = i.indkey[0]
left join pg_catalog.pg_attribute key on key.attrelid = c.oid and key.attnum = i.indkey[1];
comment on view tidemark.declared_members is
  'Declared kinds times relations: to be asked for one relation, or by name.';

create view tidemark.live_scopes with (security_invoker = true) as
select m.* from tidemark.declared_members m where m.has_the_name;
comment on view tidemark.live_scopes is 'Declared kinds whose members table exists.';

create view tidemark.watched_members with (security_invoker = true) as
select distinct g.tgrelid as relation, split_part(encode(g.tgargs, 'escape'), '\000', 1) as kind
from pg_catalog.pg_trigger g
join pg_catalog.pg_proc f on f.oid = g.tgfoid
where f.pronamespace = 'tidemark'::regnamespace and f.proname = 'log_members';
comment on view tidemark.watched_members is
  'Relations with the triggers of a members table, under whatever name, and its kind.';

-- The keys of one kind that the caller belongs to: a scope is <kind>:<key>.
create function tidemark.my_keys(kind text)
returns text[]
language plpgsql
stable
security definer -- a members table's own policies must not decide who belongs to a scope
set search_path = pg_catalog, pg_temp
set plan_cache_mode = force_generic_plan
as $$
declare
  members tidemark.live_scopes;
  keys text[];
begin
  if my_keys.kind = 'user' then
    return array[auth.uid()::text];
  end if;
  select s.* into members from tidemark.live_scopes s where s.kind = my_keys.kind;
  if not found then
    return '{}';
  end if;
  execute format(
    'select array_agg(distinct m.%1$I::text collate "C") from %2$s m where m.%3$I = $1%4$s',
    members.key_column, members.relation::regclass, members.user_column,
    case when members.soft then ' and m.deleted_at is null' else '' end
  ) into keys using auth.uid();
  return coalesce(keys, '{}');
end
$$;

-- Every scope the caller belongs to.
create function tidemark.my_scopes()
returns text[]
language plpgsql
stable
security definer -- reads the declared kinds
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    select array['public', 'user:' || auth.uid()] || array(
      select s.kind || ':' || k.key
      from tidemark.sync_scopes s
      cross join lateral unnest(tidemark.my_keys(s.kind)) as k (key)
    )
  );
end
$$;
