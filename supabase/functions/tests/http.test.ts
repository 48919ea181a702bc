import { corsHeaders } from '@supabase/supabase-js/cors'
import { handler as pull } from '../sync-pull/handler.ts'
import { handler as push } from '../sync-push/handler.ts'
import { handler as sync } from '../sync/handler.ts'
import { LIMITS } from '../_tidemark/constants.ts'
import { assertEquals } from './assert.ts'
import { closedDeps, gunzip, plausibleToken, post, tokenOf } from './support.ts'

const functions = { 'sync-push': push, 'sync-pull': pull, sync }
const url = 'http://localhost/functions/v1/any'
const device_id = 'b3a1c1de-0000-4000-8000-000000000001'
const good = JSON.stringify({ device_id, mutations: [{ seq: 1, data: { name: 'Ada Lovelace' } }] })

/** An answer of the database that is large enough to be compressed. */
const page = `{"changes":[{"upsert":[{"price":1.10,"text":"${'x'.repeat(5_000)}"}]}]}`
const answering = (text: string, status = 200) => ({
  fetch: () => Promise.resolve(new Response(text, { status })),
})

Deno.test(
  'whoever is not a signed-in user gets 401 from every function, before the database',
  async () => {
    for (const handler of Object.values(functions)) {
      for (const authorization of [
        '',
        'Bearer sb_publishable_abc',
        `Bearer ${tokenOf({ role: 'anon' })}`,
      ]) {
        const response = await handler(post(good, { authorization }), closedDeps())
        assertEquals(response.status, 401)
        const { code, message, details, hint } = await response.json()
        assertEquals([code, message], ['PT401', 'not_signed_in'])
        assertEquals([typeof details, typeof hint], ['string', 'string'])
      }
    }
  },
)

Deno.test(
  'a preflight is answered without a token and allows all that supabase-js sends',
  async () => {
    for (const handler of Object.values(functions)) {
      const response = await handler(new Request(url, { method: 'OPTIONS' }), closedDeps())
      assertEquals(response.status, 204)
      assertEquals(response.headers.get('access-control-allow-origin'), '*')
      assertEquals(Number(response.headers.get('access-control-max-age')) >= 3600, true)
      const list = (text: string | null | undefined) => (text ?? '').toLowerCase().split(/,\s*/)
      const allowed = list(response.headers.get('access-control-allow-headers'))
      const sent = list(corsHeaders['Access-Control-Allow-Headers'])
      assertEquals(
        [...sent, 'content-encoding'].filter((name) => !allowed.includes(name)),
        [],
      )
    }
  },
)

Deno.test('a page of another origin can read every answer, refusals too', async () => {
  for (const body of [good, '{']) {
    const response = await push(post(body), closedDeps(answering('{}')))
    assertEquals(response.headers.get('access-control-allow-origin'), '*')
    await response.body?.cancel()
  }
})

Deno.test('another method than POST gets 405 and is told which to use', async () => {
  for (const method of ['GET', 'PUT', 'DELETE']) {
    const response = await push(new Request(url, { method }), closedDeps())
    assertEquals([response.status, response.headers.get('allow')], [405, 'POST, OPTIONS'])
    assertEquals((await response.json()).message, 'method_not_allowed')
  }
})

Deno.test('a body that is not JSON by its type gets 415', async () => {
  const response = await push(post(good, { 'content-type': 'text/plain' }), closedDeps())
  assertEquals(response.status, 415)
  assertEquals((await response.json()).code, 'PT415')
})

Deno.test(
  'a body that is too large gets 413 with the limits, whatever its length says',
  async () => {
    const large = 'x'.repeat(LIMITS.batchBytes + 1)
    for (const headers of [{}, { 'content-length': '10' }]) {
      const response = await push(post(large, headers as Record<string, string>), closedDeps())
      assertEquals(response.status, 413)
      const { message, details } = await response.json()
      assertEquals([message, JSON.parse(details).max_bytes], ['batch_too_large', LIMITS.batchBytes])
    }
  },
)

Deno.test('a call that is no batch gets 400 with the place of the fault', async () => {
  const response = await sync(
    post(`{"device_id":"${device_id}","mutations":[{"seq":0}]}`),
    closedDeps(),
  )
  assertEquals(response.status, 400)
  const { code, message, details } = await response.json()
  assertEquals([code, message], ['PT400', 'malformed'])
  assertEquals(details.startsWith('mutations[0].seq: '), true)
})

Deno.test('a large answer is compressed for those who take gzip, and for nobody else', async () => {
  for (const accepted of ['gzip', 'br;q=1.0, gzip;q=0.8', '*']) {
    const response = await push(
      post(good, { 'accept-encoding': accepted }),
      closedDeps(answering(page)),
    )
    assertEquals(response.headers.get('content-encoding'), 'gzip')
    const bytes = new Uint8Array(await response.arrayBuffer())
    assertEquals(bytes.byteLength < 500, true)
    assertEquals(await gunzip(bytes), page)
  }
  for (const refused of ['', 'br', 'gzip;q=0', 'identity']) {
    const headers: Record<string, string> = refused ? { 'accept-encoding': refused } : {}
    const response = await push(post(good, headers), closedDeps(answering(page)))
    assertEquals(response.headers.get('content-encoding'), null)
    assertEquals(await response.text(), page)
  }
})

Deno.test('a small answer is not compressed', async () => {
  const response = await push(
    post(good, { 'accept-encoding': 'gzip' }),
    closedDeps(answering('{}')),
  )
  assertEquals(response.headers.get('content-encoding'), null)
  assertEquals(response.headers.get('vary'), 'accept-encoding')
  assertEquals(await response.text(), '{}')
})

Deno.test(
  'each call is one line in the log, with sizes and outcome and nothing of its content',
  async () => {
    const done = closedDeps(answering(page))
    await push(post(good, { 'accept-encoding': 'gzip' }), done)
    assertEquals(done.entries.length, 1)
    const { ms, bytes_out, ...entry } = done.entries[0]!
    assertEquals([ms >= 0, bytes_out > 0 && bytes_out < 500], [true, true])
    assertEquals(entry, {
      function: 'sync-push',
      status: 200,
      code: null,
      mutations: 1,
      bytes_in: good.length,
      rpcs: 1,
    })

    const refused = closedDeps()
    await sync(post('{"name":"Ada Lovelace"'), refused)
    assertEquals([refused.entries[0]?.status, refused.entries[0]?.code], [400, 'malformed'])
    assertEquals(JSON.stringify([...done.entries, ...refused.entries]).includes('Ada'), false)
  },
)

Deno.test(
  'a fault in the function is answered as such, and logged by its place without its message',
  async () => {
    const deps = closedDeps(answering('{Ada Lovelace}'))
    const response = await sync(post(good), deps)
    assertEquals([response.status, (await response.json()).message], [500, 'internal'])
    assertEquals(deps.entries[0]?.error?.includes('json.ts'), true)
    assertEquals(JSON.stringify(deps.entries).includes('Ada'), false)
  },
)

Deno.test(
  "the database sees the caller's token and the publishable key, and nothing else of the caller",
  async () => {
    let sent = new Headers()
    const deps = closedDeps({
      fetch: (_url, init) => {
        sent = new Headers(init.headers)
        return Promise.resolve(new Response('{}'))
      },
    })
    await push(
      post(good, { apikey: 'sb_secret_abc', cookie: 'a=b', 'x-forwarded-for': '10.0.0.1' }),
      deps,
    )
    assertEquals(
      [...sent],
      [
        ['accept', 'application/json'],
        ['apikey', 'sb_publishable_test'],
        ['authorization', `Bearer ${plausibleToken}`],
        ['content-type', 'application/json'],
      ],
    )
  },
)

Deno.test('a database that cannot be reached is 503: try again later', async () => {
  const html = (status: number) => closedDeps(answering('<html>Wait a moment</html>', status))
  for (const deps of [closedDeps(), html(502), html(200)]) {
    const response = await push(post(good), deps)
    assertEquals([response.status, (await response.json()).message], [503, 'unavailable'])
  }
})
