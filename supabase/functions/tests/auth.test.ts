import { signedIn } from '../_tidemark/auth.ts'
import { assertEquals } from './assert.ts'
import { refusalOf, tokenOf } from './support.ts'

const now = Date.parse('2026-03-01T12:00:00Z')
const user = { sub: crypto.randomUUID(), role: 'authenticated', exp: now / 1000 + 60 }

function check(authorization?: string): string {
  return signedIn(
    new Request('http://localhost/', { headers: authorization ? { authorization } : {} }),
    now,
  )
}

function assertRefused(authorization?: string): void {
  const { status, body } = refusalOf(() => check(authorization))
  assertEquals([status, body.code, body.message], [401, 'PT401', 'not_signed_in'])
}

Deno.test("a user's token is passed on as it is", () => {
  const token = tokenOf(user)
  assertEquals(check(`Bearer ${token}`), `Bearer ${token}`)
  assertEquals(check(`bearer  ${token}`), `Bearer ${token}`)
})

Deno.test('a call without a token is refused', () => {
  assertRefused()
  assertRefused('')
  assertRefused('Basic dXNlcjpwYXNzd29yZA==')
})

Deno.test('an API key is not a user, in its new form or as a legacy JWT', () => {
  assertRefused('Bearer sb_publishable_abc')
  assertRefused('Bearer sb_secret_abc')
  assertRefused(`Bearer ${tokenOf({ role: 'anon', iss: 'supabase' })}`)
  assertRefused(`Bearer ${tokenOf({ role: 'service_role', iss: 'supabase' })}`)
  assertRefused(`Bearer ${tokenOf({ ...user, role: 'service_role' })}`)
})

Deno.test('a token without a subject is refused', () => {
  assertRefused(`Bearer ${tokenOf({ ...user, sub: undefined })}`)
  assertRefused(`Bearer ${tokenOf({ ...user, sub: '' })}`)
  assertRefused(`Bearer ${tokenOf({ ...user, sub: 7 })}`)
})

Deno.test('an expired token is refused from the second it expires', () => {
  assertRefused(`Bearer ${tokenOf({ ...user, exp: now / 1000 })}`)
  check(`Bearer ${tokenOf({ ...user, exp: now / 1000 + 1 })}`)
})

Deno.test('what is no JWT is refused: unsigned, cut off, not JSON', () => {
  const [header, payload] = tokenOf(user).split('.')
  assertRefused(`Bearer ${header}.${payload}.`)
  assertRefused(`Bearer ${header}.${payload}`)
  assertRefused(`Bearer ${tokenOf(user)}.more`)
  assertRefused(`Bearer ${header}.!!!.sig`)
  assertRefused(`Bearer ${header}.${btoa('[1]')}.sig`)
  assertRefused(`Bearer ${header}.${btoa('null')}.sig`)
})

Deno.test('names outside ASCII in a token do not break its reading', () => {
  const bytes = new TextEncoder().encode(JSON.stringify({ ...user, name: 'Žofie 東京 🌊' }))
  const payload = btoa(String.fromCharCode(...bytes))
    .replaceAll('+', '-')
    .replaceAll('/', '_')
    .replaceAll('=', '')
  check(`Bearer e30.${payload}.sig`)
})
