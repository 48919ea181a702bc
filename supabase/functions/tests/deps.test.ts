import { depsFromEnv } from '../_tidemark/deps.ts'
import { assertEquals, assertMatch } from './assert.ts'

const deps = (env: Record<string, string>) => depsFromEnv((name) => env[name])
const url = 'https://project.supabase.co'

function refusal(env: Record<string, string>): string {
  try {
    return deps(env).url
  } catch (error) {
    return String(error)
  }
}

Deno.test('the newer variable with publishable keys goes before the legacy key', () => {
  const env = { SUPABASE_URL: url, SUPABASE_ANON_KEY: 'legacy' }
  assertEquals(deps(env).publishableKey, 'legacy')
  assertEquals(deps({ ...env, SUPABASE_PUBLISHABLE_KEY: 'one' }).publishableKey, 'one')
  const keys = (dictionary: object) =>
    deps({ ...env, SUPABASE_PUBLISHABLE_KEYS: JSON.stringify(dictionary) }).publishableKey
  assertEquals(keys({ web: 'a', default: 'b' }), 'b')
  assertEquals(keys({ web: 'a' }), 'a')
  assertEquals(keys({}), 'legacy')
})

Deno.test('a secret key is never taken for a publishable one', () => {
  const secret = { SUPABASE_SERVICE_ROLE_KEY: 's', SUPABASE_SECRET_KEYS: '{"default":"s"}' }
  assertMatch(refusal({ SUPABASE_URL: url, ...secret }), /SUPABASE_PUBLISHABLE_KEYS.* is set/)
})

Deno.test('a variable that is missing is named at start', () => {
  assertMatch(refusal({ SUPABASE_ANON_KEY: 'legacy' }), /SUPABASE_URL/)
})

Deno.test('a slash at the end of the URL does no harm', () => {
  assertEquals(deps({ SUPABASE_URL: `${url}/`, SUPABASE_ANON_KEY: 'k' }).url, url)
})
