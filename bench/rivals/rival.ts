import type { Sql } from 'postgres'
import type { TestUser } from '../../dev/testing.ts'
import type { Contact } from '../contacts.ts'

/** A local store that syncs with Supabase, set up as its own documentation says. */
export interface Rival {
  name: string
  /** A table `name` beside `plain`, with the columns and triggers that it asks for. */
  createTable(sql: Sql): Promise<void>
  /** A device of the signed-in user, with nothing on it. */
  device(user: TestUser): Promise<RivalDevice>
}

export interface RivalDevice {
  /** Resolves to how many rows the device holds once it has everything. */
  download(): Promise<number>
  /** Puts rows into the local store; nothing is sent before `upload`. */
  write(contacts: Contact[]): Promise<void>
  /** Resolves once every row that was written is in the database. */
  upload(): Promise<void>
  close(): Promise<void>
}

/** Each user's own rows, as on the table of the bench. */
export const policy = (table: string): string => `
  alter table public.${table} enable row level security;
  create policy "Everyone has their own contacts" on public.${table}
    to authenticated using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);`

/** Stamps a column at every write: what both rivals ask for to see what is new. */
export const stamped = (table: string, column: string): string => `
  create function public.stamp_${table}() returns trigger language plpgsql as $$
  begin
    new.${column} := now();
    return new;
  end
  $$;
  create trigger stamp before update on public.${table}
    for each row execute function public.stamp_${table}();`
