/** Faults that the histories must find, each as SQL that puts it into a sound engine. */
export const breaks: Record<string, string> = {
  /** The cursor of pollers: everything below the newest transaction counts as seen. */
  polling: `
    create or replace function tidemark.snapshot_now() returns pg_snapshot
    language sql stable security invoker set search_path = ''
    as $$ select format('%1$s:%1$s:', pg_snapshot_xmax(pg_current_snapshot()))::pg_snapshot $$`,

  /** Whoever leaves a scope is not told. */
  'silent leave': `
    create function fuzz.skip() returns trigger language plpgsql as $$ begin return null; end $$;
    create trigger broken before insert on tidemark.sync_changes for each row
    when (new.table_no = 0 and new.op = 'leave') execute function fuzz.skip()`,

  /** Whoever joins a scope is not told. */
  'silent join': `
    create function fuzz.skip() returns trigger language plpgsql as $$ begin return null; end $$;
    create trigger broken before insert on tidemark.sync_changes for each row
    when (new.table_no = 0 and new.op = 'join') execute function fuzz.skip()`,

  /** A row that moves to another scope does not leave the old one. */
  'silent move': `
    create function fuzz.skip() returns trigger language plpgsql as $$ begin return null; end $$;
    create trigger broken before insert on tidemark.sync_changes for each row
    when (new.table_no <> 0 and new.op = 'leave') execute function fuzz.skip()`,

  /** A repeated mutation is applied again. */
  'twice applied': `
    create function fuzz.forget() returns trigger language plpgsql
    as $$ begin new.last_seq := old.last_seq; return new; end $$;
    create trigger broken before update on tidemark.sync_devices for each row execute function fuzz.forget()`,

  /** Devices behind a purge are not told to start afresh. */
  'silent purge': `
    create function fuzz.forget() returns trigger language plpgsql
    as $$ begin new.purged_to := old.purged_to; return new; end $$;
    create trigger broken before update on tidemark.settings for each row execute function fuzz.forget()`,

  /** Only the first column of an edit is logged, so the others are not known to be in conflict. */
  'blind merge': `
    create function fuzz.narrow() returns trigger language plpgsql
    as $$ begin new.columns := new.columns[:1]; return new; end $$;
    create trigger broken before insert on tidemark.sync_changes for each row
    when (new.op = 'update') execute function fuzz.narrow()`,
}
