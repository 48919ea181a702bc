import type { SupabaseClient } from '@supabase/supabase-js'
import type { Sql } from 'postgres'
import type { Network } from './network.ts'

/** The row of every scenario. `poison` is a title that a constraint of the table refuses. */
export interface Note {
  id: string
  list_id: string
  title: string
}

/** A way to keep a table on a device, set up as its own documentation says. */
export interface Contender {
  /** As its column is called. */
  name: string
  /** The folder of the package whose version was played; none for this project. */
  package?: string
  /** What it has not got, with the reason: scenarios that need it are not played. */
  cannot?: Partial<Record<Need, string>>
  /** What it needs on its table or beside the stack, after {@link createNotes} made the table. */
  prepare(sql: Sql, table: string): Promise<void>
  /** Ends what `prepare` began beside the stack. */
  end?(): Promise<void>
  /** Sets a row deleted in the way that it prescribes, as SQL beside the app does. */
  softDelete?(sql: Sql, table: string, id: string): Promise<unknown>
  /** A device with nothing on it, which has not started. */
  device(table: string, network: Network): Device
}

/** What only some have: a way to mark rows as deleted, a queue of edits. */
export type Need = 'mark' | 'queue'

/** An app on a device. What it keeps outlives a stop, as after a reload of its page. */
export interface Device {
  start(client: SupabaseClient): Promise<void>
  /** Asks for news and sends what waits. Resolves when that is done, or has failed. */
  sync(): Promise<void>
  /** Ends the app. Its storage stays. */
  stop(): Promise<void>
  insert(note: Note): Promise<void>
  /** Changes the title of a row that is there. */
  rename(id: string, title: string): Promise<void>
  rows(): Promise<Note[]>
  /** The errors that an app hears of, since the device was made. */
  told(): Promise<string[]>
}

/** Who has which list, for all tables. */
export async function createLists(sql: Sql, members: string): Promise<void> {
  await sql.unsafe(`
    create table public.${members} (list_id uuid, user_id uuid, primary key (list_id, user_id));
    alter table public.${members} enable row level security;
    grant select on public.${members} to authenticated;
    create policy "see" on public.${members} for select to authenticated
      using (user_id = (select auth.uid()));
    select tidemark.add_scope('${members}', 'public.${members}', 'list_id', 'user_id');`)
}

/** The notes of the lists that a user is a member of. */
export async function createNotes(sql: Sql, table: string, members: string): Promise<void> {
  await sql.unsafe(`
    create table public.${table} (
      id uuid primary key default gen_random_uuid(),
      list_id uuid not null,
      title text not null check (title <> 'poison')
    );
    alter table public.${table} enable row level security;
    grant select, insert, update, delete on public.${table} to authenticated;
    create policy "share" on public.${table} to authenticated
      using (list_id in (select list_id from public.${members} where user_id = (select auth.uid())));`)
}

/** The rest of a promise that may never settle is not waited for. */
export async function atMost(ms: number, promise: Promise<unknown>): Promise<void> {
  let timer: NodeJS.Timeout | undefined
  const over = new Promise<void>((resolve) => (timer = setTimeout(resolve, ms)))
  try {
    await Promise.race([promise, over])
  } finally {
    clearTimeout(timer)
  }
}
