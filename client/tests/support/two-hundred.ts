import assert from 'node:assert/strict'
import { randomUUID } from 'node:crypto'
import { createClient } from '@supabase/supabase-js'
import { sign } from 'hono/jwt'
import type { Sql } from 'postgres'
import { jwtSecret, stack } from '../../../dev/testing.ts'
import { createSync, type Sync, type SyncStorage, type Table } from '../../src/index.ts'
import { type Contact, makeTable } from './project.ts'

/** A user's rows in one table: what was there, what the device does to it, and what others do meanwhile. */
export interface Story {
  table: string
  user: string
  token: string
}

interface Visited extends Contact {
  visits: number
}

/** Rows that are there at first; of them the device changes and removes some, and others change some. */
export const there = 100
export const changed = 50
export const removed = 30
export const inserted = 120

/** How many edits the device makes. */
export const EDITS = inserted + changed + removed

/** Its `visits` of different devices are added up, so that an edit done twice shows. */
export async function countingTable(sql: Sql): Promise<string> {
  const table = await makeTable(sql, 'name text, phone text, n int, visits int not null default 0')
  await sql`select tidemark.add_table(${table}, 'user:user_id', columns => '{"visits": "sum"}')`
  return table
}

/**
 * A user with rows in the database. The token is signed here, since signing up is slow on purpose and
 * every killed process has a user of its own.
 */
export async function newStory(sql: Sql, table: string): Promise<Story> {
  const user = randomUUID()
  await sql`
    insert into ${sql(table)} (user_id, name, n)
    select ${user}, 'first', n from generate_series(1, ${there}) as n`
  const claims = { sub: user, role: 'authenticated', exp: Math.floor(Date.now() / 1000) + 3600 }
  return { table, user, token: await sign(claims, jwtSecret(), 'HS256') }
}

/** A process: a sync on a storage. Batches and pages are small, so that there are many of them. */
export function begin(
  { table, token }: Pick<Story, 'table' | 'token'>,
  storage: SyncStorage,
  fetch: typeof globalThis.fetch = globalThis.fetch,
): { sync: Sync; rows: Table<Visited, Partial<Visited>, Partial<Visited>> } {
  const supabase = createClient(stack().api_url, stack().publishable_key, {
    accessToken: async () => token,
    global: { fetch },
  })
  const sync = createSync({
    supabase: supabase as unknown as Parameters<typeof createSync>[0]['supabase'],
    storage,
    tables: [table],
    batch: { mutations: 60 },
    pageSize: 100,
    backoff: { retries: 0 },
  })
  return { sync, rows: sync.table(table) as never }
}

/** The device's first download and, offline, its 200 edits. */
export async function makeEdits(story: Story, storage: SyncStorage): Promise<void> {
  const { sync, rows } = begin(story, storage)
  await sync.pull()
  const held = await rows.list({}, { order: 'n' })
  assert.equal(held.length, there)
  for (const { id } of held.slice(0, changed)) await rows.update(id, { name: 'mine', visits: 1 })
  for (const { id } of held.slice(changed, changed + removed)) await rows.remove(id)
  await rows.insertMany(Array.from({ length: inserted }, (_, i) => ({ n: 1001 + i, name: 'mine' })))
  assert.equal(sync.status().pending, EDITS)
  await sync.close()
}

/** Meanwhile somebody else writes: in rows of the device's edits, and in others. */
export async function writeElsewhere(sql: Sql, { table, user }: Story): Promise<void> {
  await sql`
    update ${sql(table)} set phone = 'theirs'
    where user_id = ${user} and (n <= 10 or n > ${changed + removed})`
}
