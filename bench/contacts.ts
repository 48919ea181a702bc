import type { SupabaseClient } from '@supabase/supabase-js'
import type { Sql } from 'postgres'
import { uuid } from '../client/src/util/uuid.ts'
import { request } from './request.ts'

/** A contact as an app sends it. */
export interface Contact {
  id: string
  user_id: string
  name: string
  email: string
  phone: string | null
  notes: string
  tags: string[]
  address: { street: string; city: string; zip: string }
  favourite: boolean
  balance: number
  met_at: string
}

const columns = 'id, user_id, name, email, phone, notes, tags, address, favourite, balance, met_at'

/**
 * The table of the bench, `contacts`, synced; and `plain`, which has the same columns, defaults,
 * indexes and policy, and nothing of Tidemark.
 */
export async function createTables(sql: Sql): Promise<void> {
  await sql.unsafe(`
    create table public.contacts (
      id uuid primary key default gen_random_uuid(),
      user_id uuid not null default auth.uid(),
      name text not null,
      email text,
      phone text,
      notes text,
      tags text[] not null default '{}',
      address jsonb not null default '{}',
      favourite boolean not null default false,
      balance numeric(12, 2) not null default 0,
      met_at timestamptz not null default now()
    );
    alter table public.contacts enable row level security;
    select tidemark.add_table('public.contacts', 'user:user_id');
    create table public.plain (like public.contacts including all);
    alter table public.plain enable row level security;
    create policy "Everyone has their own contacts" on public.contacts
      to authenticated using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
    create policy "Everyone has their own contacts" on public.plain
      to authenticated using ((select auth.uid()) = user_id) with check ((select auth.uid()) = user_id);
  `)
}

/** A user's rows by one plain insert. */
export async function fill(
  sql: Sql,
  user: string,
  table: string,
  contacts: Contact[],
): Promise<number> {
  return request(sql, {
    user,
    query: `insert into ${table} (${columns})
      select ${columns} from jsonb_populate_recordset(null::${table}, $1::text::jsonb)`,
    values: [JSON.stringify(contacts)],
  })
}

/**
 * All rows that a user sees in a table, or those that changed after a time, a thousand at a time: the most
 * that the API gives at once.
 */
export async function pageByHand(
  supabase: SupabaseClient,
  table: string,
  after?: string,
): Promise<unknown[]> {
  const rows: unknown[] = []
  for (let at = 0; ; at += 1_000) {
    const all = supabase.from(table).select()
    const wanted = after ? all.gt('updated_at', after) : all
    const { data, error } = await wanted.order('id').range(at, at + 999)
    if (error) throw error
    rows.push(...(data as unknown[]))
    if (data.length < 1_000) return rows
  }
}

/** The same rows as a device would push them. */
export function puts(contacts: Partial<Contact>[]): object[] {
  return contacts.map((data) => ({ op: 'put', table: 'contacts', id: data.id, base: null, data }))
}

/** New rows of a user, as different from each other as people's are. */
export function newContacts(user: string, count: number): Contact[] {
  return Array.from({ length: count }, () => newContact(user))
}

let made = 0

function newContact(user: string): Contact {
  const n = made++
  const first = pick(firstNames, n)
  const last = pick(lastNames, n * 7 + (n >> 4))
  const city = pick(cities, n * 3)
  return {
    id: uuid(),
    user_id: user,
    name: `${first} ${last}`,
    email: `${first}.${last}.${n}@example.com`.toLowerCase(),
    phone: n % 5 === 0 ? null : `+49 30 ${String(1_000_000 + ((n * 7919) % 9_000_000))}`,
    notes: words(n, 6 + (n % 23)),
    tags: [pick(labels, n), pick(labels, n >> 3), pick(labels, n >> 5)].slice(n % 4),
    address: {
      street: `${pick(lastNames, n * 5)}straße ${(n % 180) + 1}`,
      city,
      zip: String(10_000 + ((n * 31) % 90_000)),
    },
    favourite: n % 9 === 0,
    balance: Math.round(((n * 104_729) % 1_000_000) - 200_000) / 100,
    met_at: new Date(1_700_000_000_000 + n * 77_777).toISOString(),
  }
}

const firstNames = 'Ada Grace Edsger Barbara Donald Radia Alan Frances Niklaus Karen'.split(' ')
const lastNames =
  'Lovelace Hopper Dijkstra Liskov Knuth Perlman Turing Allen Wirth Jones Müller Sørensen Šimić'.split(
    ' ',
  )
const cities = 'Berlin København Zagreb Łódź Porto Kyōto Montréal Accra'.split(' ')
const labels = 'family work customer supplier club neighbour school travel'.split(' ')
const vocabulary =
  'met at the harbour asked about prices wants a call back in spring knows our neighbour plays chess likes trains sends regards moved recently prefers mail'.split(
    ' ',
  )

function pick(list: string[], n: number): string {
  return list[n % list.length]!
}

function words(n: number, count: number): string {
  return Array.from({ length: count }, (_, i) => pick(vocabulary, n * 13 + i * (1 + (n % 7)))).join(
    ' ',
  )
}
