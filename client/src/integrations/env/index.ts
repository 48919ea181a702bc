import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import { createSync } from '../../api/create-sync.ts'
import type { SyncOptions } from '../../api/options.ts'
import type { Sync, TableName } from '../../api/types.ts'
import { ValidationError } from '../../model/errors.ts'

/** Environment variables by name. */
export type Env = Readonly<Record<string, string | undefined>>

/** A sync, and the client that was made for it; null where the environment names no project. */
export type EnvSync<DB> = Sync<DB> & { readonly supabase: SupabaseClient | null }

const processEnv = (): Env => (globalThis as { process?: { env: Env } }).process?.env ?? {}

/** A number of at least `least`; undefined where the variable is not set. */
function numberOf(env: Env, name: string, least: number): number | undefined {
  const text = env[name]?.trim()
  if (!text) return undefined
  const value = Number(text)
  if (value >= least) return value
  throw new ValidationError({
    code: 'invalid_env',
    message: `${name} is "${text}"; a number from ${least} on was expected.`,
  })
}

function flagOf(env: Env, name: string): boolean | undefined {
  const text = env[name]?.trim().toLowerCase()
  if (!text) return undefined
  if (['true', '1', 'yes', 'on'].includes(text)) return true
  if (['false', '0', 'no', 'off'].includes(text)) return false
  throw new ValidationError({
    code: 'invalid_env',
    message: `${name} is "${text}"; true or false was expected.`,
  })
}

function clientOf(env: Env): SupabaseClient | null {
  const { SUPABASE_URL: url, SUPABASE_ANON_KEY: key } = env
  if (!url && !key) return null
  if (url && key) return createClient(url, key)
  throw new ValidationError({
    code: 'invalid_env',
    message: `${url ? 'SUPABASE_ANON_KEY' : 'SUPABASE_URL'} is missing beside ${url ? 'SUPABASE_URL' : 'SUPABASE_ANON_KEY'}.`,
  })
}

/**
 * A sync as the environment says; `options` go before it. Without `SUPABASE_URL` and `SUPABASE_ANON_KEY`
 * everything works on this device alone.
 *
 * `SYNC_AUTO_ENABLED`: runs by itself, after edits, on reconnecting and every `SYNC_INTERVAL_MINUTES`.
 * `SYNC_BATCH_SIZE`: edits in one push. `SYNC_MAX_RETRIES`: of a request. Throws a `ValidationError`
 * (`invalid_env`) that names the variable whose value makes no sense.
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
