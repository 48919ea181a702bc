import { discardBody, readBody } from '../_tidemark/body.ts'
import type { CallCode, FunctionCode } from '../_tidemark/constants.ts'
import { Refusal } from '../_tidemark/refusal.ts'
import { assertEquals, assertRejects } from './assert.ts'
import { gzip, post } from './support.ts'

async function refused(
  message: CallCode | FunctionCode,
  request: Request,
  limit = 100,
): Promise<void> {
  assertEquals((await assertRejects(() => readBody(request, limit), Refusal)).message, message)
}

/** Yields `chunk` for ever and counts how often it was asked for. */
function endless(chunk: Uint8Array<ArrayBuffer>) {
  const asked = { times: 0 }
  const stream = new ReadableStream<Uint8Array<ArrayBuffer>>({
    pull(controller) {
      asked.times++
      controller.enqueue(chunk)
    },
  })
  return { stream, asked }
}

Deno.test('a body is read as UTF-8 text, plain or gzipped, with its size on the wire', async () => {
  const text = '{"name":"Žofie 東京 🌊"}'
  assertEquals(await readBody(post(text), 100), {
    text,
    bytes: new TextEncoder().encode(text).byteLength,
  })
  const zipped = await gzip(text)
  assertEquals(await readBody(post(zipped, { 'content-encoding': 'gzip' }), 100), {
    text,
    bytes: zipped.byteLength,
  })
})

Deno.test('a body of exactly the limit is read, one byte more is too large', async () => {
  assertEquals((await readBody(post('x'.repeat(100)), 100)).bytes, 100)
  await refused('batch_too_large', post('x'.repeat(101)))
})

Deno.test('a declared length above the limit is refused before a byte is read', async () => {
  const { stream, asked } = endless(new Uint8Array(10))
  await refused('batch_too_large', post(stream, { 'content-length': '101' }))
  assertEquals(asked.times <= 1, true)
})

Deno.test(
  'a length that is not declared, or declared too small, is counted while it comes in',
  async () => {
    const { stream, asked } = endless(new Uint8Array(10))
    await refused('batch_too_large', post(stream, { 'content-length': '5' }))
    assertEquals(asked.times < 20, true)
  },
)

Deno.test(
  'a small file that unfolds to a large one is too large, and is not unfolded whole',
  async () => {
    const bomb = await gzip(new Uint8Array(150_000_000))
    const before = Deno.memoryUsage().rss
    await refused('batch_too_large', post(bomb, { 'content-encoding': 'gzip' }), 100_000)
    assertEquals(Deno.memoryUsage().rss - before < 100_000_000, true)
  },
)

Deno.test(
  'what is not gzip though it says so, is cut off, or goes on after its end, is malformed',
  async () => {
    const zipped = await gzip('{"a":1}')
    await refused('malformed', post('{"a":1}', { 'content-encoding': 'gzip' }))
    await refused('malformed', post(zipped.slice(0, -5), { 'content-encoding': 'gzip' }))
    await refused(
      'malformed',
      post(new Uint8Array([...zipped, 1, 2, 3]), { 'content-encoding': 'gzip' }),
    )
  },
)

Deno.test('what is not UTF-8 is malformed', async () => {
  await refused('malformed', post(new Uint8Array([0x22, 0xff, 0x22])))
})

Deno.test('only JSON, plain or gzipped, is a supported body', async () => {
  await refused(
    'unsupported_media_type',
    post('a=1', { 'content-type': 'application/x-www-form-urlencoded' }),
  )
  await refused('unsupported_media_type', post('{}', { 'content-type': 'text/plain' }))
  await refused('unsupported_media_type', post('{}', { 'content-type': 'application/jsonp' }))
  await refused('unsupported_media_type', post('{}', { 'content-encoding': 'br' }))
  await refused('unsupported_media_type', post('{}', { 'content-encoding': 'gzip, gzip' }))
  for (const type of [
    'application/json',
    'application/json; charset=utf-8',
    'Application/JSON',
    'application/vnd.pgrst.object+json',
  ]) {
    assertEquals((await readBody(post('{}', { 'content-type': type }), 100)).text, '{}')
  }
})

Deno.test('a request without a body is malformed', async () => {
  await refused('malformed', new Request('http://localhost/', { method: 'POST' }))
})

Deno.test('what is left of a refused body is taken in, up to a point', async () => {
  const { stream, asked } = endless(new Uint8Array(1024 * 1024))
  await discardBody(post(stream))
  assertEquals(asked.times >= 32 && asked.times < 40, true)
})
