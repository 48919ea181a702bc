import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import { createSync } from '../../api/create-sync.ts'
import type { SyncOptions } from '../../api/options.ts'
import type { Sync, TableName } from '../../api/types.ts'
import { ValidationError } from '../../model/errors.ts'

/** Environment variables by name. */
export type Env = Readonly<Record<string, string | undefined>>

/** A sync with its supabase-js client; null where the environment names no project. */
export type EnvSync<DB> = Sync<DB> & { readonly supabase: SupabaseClient | null }

const processEnv = (): Env => (globalThis as { process?: { env: Env } }).process?.env ?? {}

/** A variable as a number of at least `min`; undefined where it is not set. */
function numberOf(env: Env, name: string, min: number): number | undefined {
  const text = env[name]?.trim()
  if (!text) return undefined
  const value = Number(text)
  if (value >= min) return value
  throw new ValidationError({
    code: 'invalid_env',
    message: `${name} must be a number of at least ${min}, not "${text}".`,
  })
}

/** A variable as a boolean; undefined where it is not set. */
function flagOf(env: Env, name: string): boolean | undefined {
  const text = env[name]?.trim().toLowerCase()
  if (!text) return undefined
  if (['true', '1', 'yes', 'on'].includes(text)) return true
  if (['false', '0', 'no', 'off'].includes(text)) return false
  throw new ValidationError({
    code: 'invalid_env',
    message: `${name} must be true or false, not "${text}".`,
  })
}

/** A client of the project that the environment names; null where it names none. */
function clientOf(env: Env): SupabaseClient | null {
  const { SUPABASE_URL: url, SUPABASE_ANON_KEY: key } = env
  if (!url && !key) return null
  if (url && key) return createClient(url, key)
  throw new ValidationError({
    code: 'invalid_env',
    message: `${url ? 'SUPABASE_ANON_KEY' : 'SUPABASE_URL'} is not set.`,
    hint: 'Set both SUPABASE_URL and SUPABASE_ANON_KEY, or neither.',
  })
}

/**
 * A sync with options from environment variables; `options` override them. Without `SUPABASE_URL` and
 * `SUPABASE_ANON_KEY` everything works on this device alone. Throws a `ValidationError` (`invalid_env`) that names the
 * variable where a value is not valid.
 *
 * - `SYNC_AUTO_ENABLED`: syncs start by themselves, after edits, on reconnecting and every `SYNC_INTERVAL_MINUTES`
 * - `SYNC_BATCH_SIZE`: number of edits in one push
 * - `SYNC_MAX_RETRIES`: number of retries of a request
 */
export function createSyncFromEnv<DB = unknown>(
  options: Omit<SyncOptions<TableName<DB>>, 'supabase'>,
  env: Env = processEnv(),
): EnvSync<DB> {
  const minutes = numberOf(env, 'SYNC_INTERVAL_MINUTES', 0.01)
  const mutations = numberOf(env, 'SYNC_BATCH_SIZE', 1)
  const retries = numberOf(env, 'SYNC_MAX_RETRIES', 0)
  const supabase = clientOf(env)
  const sync = createSync<DB>({
    ...(flagOf(env, 'SYNC_AUTO_ENABLED') && {
      mode: ['auto', 'on-reconnect', 'periodic'] as const,
    }),
    ...(minutes !== undefined && { interval: minutes * 60_000 }),
    ...options,
    ...(supabase && { supabase }),
    batch: { ...(mutations !== undefined && { mutations }), ...options.batch },
    backoff: { ...(retries !== undefined && { retries }), ...options.backoff },
  })
  return { ...sync, supabase }
}
