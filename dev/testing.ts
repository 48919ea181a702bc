import { randomUUID } from 'node:crypto'
import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import { setTimeout } from 'node:timers/promises'
import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import postgres, { type Sql } from 'postgres'
import type { StackInfo, StackSecrets } from './stack.ts'

/** What tests need of the running stack. Test files share it, so they name what they make with uniqueName. */
export function stack(): StackInfo {
  return readJson(stackFile())
}

/** A connection as the project's owner, or as the superuser. Whoever opens it ends it. */
export function connect(
  role: 'postgres' | 'supabase_admin' = 'postgres',
  options: postgres.Options<{}> = {},
): Sql {
  const url = role === 'postgres' ? stack().db_url : privates().admin_db_url
  return postgres(url, { max: 4, onnotice: () => {}, ...options })
}

/** Where the superuser connects: for programs that do it themselves. */
export function adminUrl(): string {
  return privates().admin_db_url
}

/** Signs the tokens of the stack's users: tests forge expired and foreign ones with it. */
export function jwtSecret(): string {
  return privates().jwt_secret
}

export interface TestUser {
  id: string
  email: string
  password: string
  accessToken: string
  client: SupabaseClient
}

/** A new user, signed up and signed in. */
export async function createUser(): Promise<TestUser> {
  const email = `${randomUUID()}@example.com`
  const password = 'correct horse battery staple'
  const client = anonClient()
  const { data, error } = await client.auth.signUp({ email, password })
  if (error) throw error
  return { id: data.user!.id, email, password, accessToken: data.session!.access_token, client }
}

/** One more device of a user: a client of its own, signed in. */
export async function signIn({ email, password }: TestUser): Promise<SupabaseClient> {
  const client = anonClient()
  const { error } = await client.auth.signInWithPassword({ email, password })
  if (error) throw error
  return client
}

export function anonClient(): SupabaseClient {
  return clientFor(stack().publishable_key)
}

/** Sees and may do everything, as a backend with the secret key does. */
export function secretClient(): SupabaseClient {
  return clientFor(stack().secret_key)
}

/**
 * Runs a statement that locks a table to which other test files write. It gives way to their open transactions and
 * tries again: waiting for the lock, it would hold up every writer behind it, and tests that wait for two of them
 * would wait for each other.
 */
export async function changeSharedTable(sql: Sql, statement: string): Promise<void> {
  for (;;) {
    try {
      await sql.begin(async (tx) => {
        await tx`set local lock_timeout = '100ms'`
        await tx.unsafe(statement)
      })
      return
    } catch (error) {
      if ((error as { code?: string }).code !== LOCK_NOT_AVAILABLE) throw error
      await setTimeout(100)
    }
  }
}

const LOCK_NOT_AVAILABLE = '55P03'

export function uniqueName(prefix: string): string {
  return `${prefix}_${randomUUID().slice(0, 8)}`
}

function clientFor(key: string): SupabaseClient {
  return createClient(stack().api_url, key, {
    auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
  })
}

function privates(): StackSecrets {
  return readJson(join(dirname(stackFile()), 'private.json'))
}

function stackFile(): string {
  const file = process.env.TIDEMARK_STACK
  if (!file)
    throw new Error('no stack: run tests with npm test (npm test -- vitest <file> for one file)')
  return file
}

function readJson<T>(file: string): T {
  return JSON.parse(readFileSync(file, 'utf8')) as T
}
