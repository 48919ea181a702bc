import type { Break } from './break.ts'

const held = /after a sync \w+ (lacks|holds)|has the sums/

/** Engines that are broken on purpose: SQL that puts a fault into a sound one. */
export const engines: Record<string, Break> = {
  /** The cursor of pollers: everything below the newest transaction counts as seen. */
  polling: {
    focus: { sql: 36, end: 20 },
    found: { wire: held, client: held },
    sql: `
    create or replace function tidemark.snapshot_now() returns pg_snapshot
    language sql stable security invoker set search_path = ''
    as $$ select format('%1$s:%1$s:', pg_snapshot_xmax(pg_current_snapshot()))::pg_snapshot $$`,
  },

  /** A user who leaves a scope is not told. */
  'silent leave': {
    focus: { members: 36 },
    found: { wire: held, client: held },
    sql: `
    create function simulation.skip() returns trigger language plpgsql as $$ begin return null; end $$;
    create trigger broken before insert on tidemark.sync_changes for each row
    when (new.table_no = 0 and new.op = 'leave') execute function simulation.skip()`,
  },

  /** A user who joins a scope is not told. */
  'silent join': {
    focus: { members: 36 },
    found: { wire: held, client: held },
    sql: `
    create function simulation.skip() returns trigger language plpgsql as $$ begin return null; end $$;
    create trigger broken before insert on tidemark.sync_changes for each row
    when (new.table_no = 0 and new.op = 'join') execute function simulation.skip()`,
  },

  /** A row that moves to another scope does not leave the old one. */
  'silent move': {
    focus: { sql: 36 },
    found: { wire: held, client: held },
    sql: `
    create function simulation.skip() returns trigger language plpgsql as $$ begin return null; end $$;
    create trigger broken before insert on tidemark.sync_changes for each row
    when (new.table_no <> 0 and new.op = 'leave') execute function simulation.skip()`,
  },

  /** A repeated mutation is applied again. */
  'twice applied': {
    found: {
      wire: /is committed|by both of two equal calls|refused or repeated|was applied twice|adds up to/,
      client: /was applied twice|adds up to/,
    },
    sql: `
    create function simulation.forget() returns trigger language plpgsql
    as $$ begin new.last_seq := old.last_seq; return new; end $$;
    create trigger broken before update on tidemark.sync_devices for each row execute function simulation.forget()`,
  },

  /** Devices behind a purge are not told to start afresh. */
  'silent purge': {
    focus: { sql: 36, purge: 20 },
    found: { wire: held, client: held },
    sql: `
    create function simulation.forget() returns trigger language plpgsql
    as $$ begin new.purged_to := old.purged_to; return new; end $$;
    create trigger broken before update on tidemark.settings for each row execute function simulation.forget()`,
  },

  /** What was overruled is not told. */
  'silent loss': {
    focus: { atOdds: 24 },
    found: { wire: /was "(merged|conflict)", and the row has|shows edit/, client: /shows edit/ },
    sql: `
    alter function public.sync_push(uuid, json, json) set schema simulation;
    create function public.sync_push(device_id uuid, mutations json, options json default '{}') returns json
    language sql security invoker
    as $$ select regexp_replace(simulation.sync_push($1, $2, $3)::text, '"lost":\\[[^]]*\\]', '"lost":[]', 'g')::json $$`,
  },
}
