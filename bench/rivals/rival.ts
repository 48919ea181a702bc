import type { Sql } from 'postgres'
import type { TestUser } from '../../dev/testing.ts'
import type { Contact } from '../contacts.ts'

export const activities = ['push', 'pull', 'download', 'poll', 'trip', 'realtime'] as const
export type Activity = (typeof activities)[number]

/** A way to get rows to a device and back, set up as its own documentation says. */
export interface Rival {
  /** As the column of the table is called. */
  name: string
  /** Where its rows are. */
  table: string
  /** What it cannot do here, with the reason. */
  cannot: Partial<Record<Activity, string>>
  /** Makes its table beside `plain`, with the columns and triggers that it asks for. */
  createTable?(sql: Sql): Promise<void>
  /** Starts what it needs beside the stack, once its table is filled; resolves to what stops that again. */
  start?(): Promise<() => Promise<void>>
  /** A device of the signed-in user, with nothing on it. */
  device(user: TestUser): Promise<RivalDevice>
}

/** What a device does; only what its rival `cannot` is never asked for. */
export interface RivalDevice {
  /** Resolves to how many rows the device holds once it has everything. */
  download(): Promise<number>
  /** Puts rows into the local store; nothing is sent before `upload`. */
  write(contacts: Contact[]): Promise<void>
  /** Resolves once every row that was written is in the database. */
  upload(): Promise<void>
  /** Lets `change` happen and resolves to the milliseconds from its end until its `count` rows are here. */
  pull?(change: () => Promise<unknown>, count: number): Promise<number>
  /** Asks for news, of which there are none. */
  poll?(): Promise<void>
  /** Calls back with the ids of all rows whenever they change, without asking. Resolves when it listens. */
  listen?(listener: (has: (id: string) => boolean) => void): Promise<void>
  close(): Promise<void>
}

/** Each user's own rows, as on the table of the bench. */
export const policy = (table: string): string => `
  alter table public.${table} enable row level security;
  create policy "Everyone has their own contacts" on public.${table}
    to authenticated using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);`

/** Stamps a column at every write: what is asked for to see what is new. */
export const stamped = (table: string, column: string): string => `
  create function public.stamp_${table}() returns trigger language plpgsql as $$
  begin
    new.${column} := clock_timestamp();
    return new;
  end
  $$;
  create trigger stamp before update on public.${table}
    for each row execute function public.stamp_${table}();`

/** For a device that asks: the change happens, then its answer is timed. */
export async function afterwards(
  change: () => Promise<unknown>,
  ask: () => Promise<unknown>,
): Promise<number> {
  await change()
  const start = performance.now()
  await ask()
  return performance.now() - start
}

/** Why those that listen to Supabase's own change feed are not measured at that. */
export const noChangeFeed = 'it listens to postgres_changes, which the local stack does not serve'
