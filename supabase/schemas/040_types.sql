-- What the types of columns mean for sync. Called wherever a table's columns are looked up: registry, pull and push.

-- The type under a domain, or under a domain over a domain.
create function tidemark.base_type(type oid)
returns oid
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    with recursive under as (
      select y.oid, y.typbasetype from pg_catalog.pg_type y where y.oid = type
      union all
      select y.oid, y.typbasetype from under u join pg_catalog.pg_type y on y.oid = u.typbasetype
    )
    select u.oid from under u where u.typbasetype = 0
  );
end
$$;

-- Whether a type is a domain that refuses null, itself or by the domain it is over. A record with a column
-- of such a type cannot be made before that column has its value.
create function tidemark.is_never_null(type oid)
returns boolean
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return (
    with recursive domains as (
      select y.typnotnull, y.typbasetype from pg_catalog.pg_type y where y.oid = type and y.typtype = 'd'
      union all
      select y.typnotnull, y.typbasetype
      from domains d
      join pg_catalog.pg_type y on y.oid = d.typbasetype and y.typtype = 'd'
    )
    select coalesce(bool_or(d.typnotnull), false) from domains d
  );
end
$$;
