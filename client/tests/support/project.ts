import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import type { Sql } from 'postgres'
import { type TestUser, stack, uniqueName } from '../../../dev/testing.ts'
import {
  createSync,
  memoryStorage,
  type Row,
  type Table,
  type Sync,
  type SyncOptions,
  type TableOption,
} from '../../src/index.ts'
import { type FaultyFetch, faultyFetch } from './faults.ts'

/** A synced table of its own for a test: each user sees and edits their own rows. */
export async function makeTable(
  sql: Sql,
  columns = 'name text, phone text, n int',
): Promise<string> {
  const table = uniqueName('t')
  await sql.unsafe(`
    create table public.${table} (
      id uuid primary key default gen_random_uuid(),
      user_id uuid not null default auth.uid(),
      ${columns}
    );
    alter table public.${table} enable row level security;
    create policy "own rows" on public.${table} to authenticated
      using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
    grant select, insert, update, delete on public.${table} to authenticated;
    select tidemark.add_table('public.${table}', 'user:user_id');
  `)
  return table
}

/** Columns of the tables that `makeTable` makes when it is not told otherwise. */
export interface Contact {
  id: string
  user_id: string
  name: string | null
  phone: string | null
  n: number | null
}

export interface Device {
  sync: Sync
  /** The first of its tables. */
  rows: Table<Contact, Partial<Contact>, Partial<Contact>>
  client: SupabaseClient
  faults: FaultyFetch
}

/** Short waits: tests are about what happens, not about when. */
const quick = { backoff: { retries: 3, base: 1, cap: 2 } }

/** A device of a user: a signed-in client of its own, whose requests can be made to fail, and a sync. */
export async function device(
  user: TestUser,
  tables: readonly TableOption[],
  options: Partial<SyncOptions> = {},
): Promise<Device> {
  const faults = faultyFetch()
  const client = createClient(stack().api_url, stack().publishable_key, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
    global: { fetch: faults.fetch },
  })
  // The session of the user's first client: signing in by password is slow, on purpose.
  const { data } = await user.client.auth.getSession()
  const { error } = await client.auth.setSession(data.session!)
  if (error) throw error
  const sync = createSync({
    supabase: client,
    storage: memoryStorage(),
    tables,
    ...quick,
    ...options,
  })
  const [first] = tables as [TableOption]
  const rows = sync.table(
    typeof first === 'string' ? first : first.name,
  ) as unknown as Device['rows']
  return { sync, rows, client, faults }
}

/** The rows of a table that are not deleted, as the database has them, by id. */
export async function rowsInDatabase(sql: Sql, table: string): Promise<Row[]> {
  const rows = await sql.unsafe(
    `select to_jsonb(t) as row from public.${table} t where deleted_at is null order by id::text collate "C"`,
  )
  return rows.map(({ row }) => row as Row)
}
