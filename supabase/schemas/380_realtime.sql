-- Realtime: a poke says that a scope has news, and nothing else; the pull that follows is authorised as
-- always. One broadcast a statement and scope, on the private topic tidemark:<scope>, where the project
-- has Realtime; it is sent when the transaction commits. A user who joins or leaves a scope is told on the
-- topic of their own scope, since that is where the log has it. A statement over more than a thousand
-- scopes (a backfill over all users) would write as many messages as it changes rows: it sends one, on
-- tidemark:public, which every client listens to.

create function tidemark.poke()
returns trigger
language plpgsql
security definer -- writers need no right to send
set search_path = pg_catalog, pg_temp
as $$
declare
  at_most constant int := 1000;
  scopes text[];
begin
  if to_regprocedure('realtime.send(jsonb, text, text, boolean)') is not null then
    scopes := array(select distinct l.scope from tidemark_log l limit at_most + 1);
    if cardinality(scopes) > at_most then
      scopes := '{public}';
    end if;
    perform realtime.send(jsonb_build_object('scope', n.scope), 'poke', 'tidemark:' || n.scope, true)
    from unnest(scopes) as n (scope);
  end if;
  return null;
end
$$;

create trigger poke after insert on tidemark.sync_changes referencing new table as tidemark_log
  for each statement execute function tidemark.poke();

-- Whether the caller may listen on a topic of Realtime: a topic of their own scopes.
create function tidemark.may_listen(topic text)
returns boolean
language plpgsql
stable
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  return topic like 'tidemark:%' and substr(topic, length('tidemark:') + 1) = any (tidemark.my_scopes());
end
$$;

-- Lets members listen. 390_access.sql calls it; the owner calls it again where Realtime was enabled later.
create function tidemark.enable_realtime()
returns boolean
language plpgsql
security invoker
set search_path = pg_catalog, pg_temp
as $$
begin
  if to_regclass('realtime.messages') is null or to_regprocedure('realtime.topic()') is null then
    return false;
  end if;
  drop policy if exists "members of a scope hear that it has news" on realtime.messages;
  create policy "members of a scope hear that it has news" on realtime.messages
    for select to authenticated
    using (realtime.messages.extension = 'broadcast' and (select tidemark.may_listen((select realtime.topic()))));
  return true;
end
$$;
comment on function tidemark.enable_realtime() is
  'Lets the members of a scope listen to its pokes; returns false where the project has no Realtime. Safe to repeat.';
