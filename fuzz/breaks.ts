/** Faults that the histories must find: SQL that puts one into a sound engine, and what they say of it. */
export const breaks: Record<string, { sql: string; found: RegExp }> = {
  /** The cursor of pollers: everything below the newest transaction counts as seen. */
  polling: {
    found: /in the end \w+ (lacks|holds|still holds|has the sums)/,
    sql: `
    create or replace function tidemark.snapshot_now() returns pg_snapshot
    language sql stable security invoker set search_path = ''
    as $$ select format('%1$s:%1$s:', pg_snapshot_xmax(pg_current_snapshot()))::pg_snapshot $$`,
  },

  /** Whoever leaves a scope is not told. */
  'silent leave': {
    found: /in the end \w+ (lacks|holds|still holds|has the sums)/,
    sql: `
    create function fuzz.skip() returns trigger language plpgsql as $$ begin return null; end $$;
    create trigger broken before insert on tidemark.sync_changes for each row
    when (new.table_no = 0 and new.op = 'leave') execute function fuzz.skip()`,
  },

  /** Whoever joins a scope is not told. */
  'silent join': {
    found: /in the end \w+ (lacks|holds|still holds|has the sums)/,
    sql: `
    create function fuzz.skip() returns trigger language plpgsql as $$ begin return null; end $$;
    create trigger broken before insert on tidemark.sync_changes for each row
    when (new.table_no = 0 and new.op = 'join') execute function fuzz.skip()`,
  },

  /** A row that moves to another scope does not leave the old one. */
  'silent move': {
    found: /in the end \w+ (lacks|holds|still holds|has the sums)/,
    sql: `
    create function fuzz.skip() returns trigger language plpgsql as $$ begin return null; end $$;
    create trigger broken before insert on tidemark.sync_changes for each row
    when (new.table_no <> 0 and new.op = 'leave') execute function fuzz.skip()`,
  },

  /** A repeated mutation is applied again. */
  'twice applied': {
    found: /is committed|by both of two equal calls|refused or repeated/,
    sql: `
    create function fuzz.forget() returns trigger language plpgsql
    as $$ begin new.last_seq := old.last_seq; return new; end $$;
    create trigger broken before update on tidemark.sync_devices for each row execute function fuzz.forget()`,
  },

  /** Devices behind a purge are not told to start afresh. */
  'silent purge': {
    found: /in the end \w+ (lacks|holds|still holds|has the sums)/,
    sql: `
    create function fuzz.forget() returns trigger language plpgsql
    as $$ begin new.purged_to := old.purged_to; return new; end $$;
    create trigger broken before update on tidemark.settings for each row execute function fuzz.forget()`,
  },

  /** What was overruled is not told. */
  'silent loss': {
    found: /was "(merged|conflict)", and the row has/,
    sql: `
    alter function public.sync_push(uuid, json, json) set schema fuzz;
    create function public.sync_push(device_id uuid, mutations json, options json default '{}') returns json
    language sql security invoker
    as $$ select regexp_replace(fuzz.sync_push($1, $2, $3)::text, '"lost":\\[[^]]*\\]', '"lost":[]', 'g')::json $$`,
  },
}
