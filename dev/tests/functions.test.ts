import { mkdir, mkdtemp, rm, writeFile } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { gunzipSync, gzipSync } from 'node:zlib'
import { createClient } from '@supabase/supabase-js'
import { afterAll, beforeAll, describe, expect, it } from 'vitest'
import { freePort } from '../ports.ts'
import { startStack, type Stack } from '../stack.ts'

const functions = {
  hello: `Deno.serve(async (request) => Response.json({
    name: (await request.json()).name,
    method: request.method,
    env: ['SUPABASE_URL', 'SUPABASE_ANON_KEY', 'SUPABASE_SERVICE_ROLE_KEY', 'SUPABASE_DB_URL'].map((key) => Deno.env.get(key)),
  }))`,
  open: `Deno.serve(() => new Response(null, {
    status: 204, headers: { 'access-control-allow-origin': 'https://example.com' } }))`,
  broken: `throw new Error('cannot load')`,
  typo: `Deno.serve(() => new Response('`,
  throws: `Deno.serve(() => { throw new Error('cannot serve') })`,
  nosy: `Deno.serve(() => { Deno.writeTextFileSync('/tmp/nosy', ''); return new Response() })`,
  packed: `Deno.serve(async (request) => new Response(
    new Uint8Array(await request.arrayBuffer()),
    { headers: { 'content-encoding': 'gzip', 'x-got': request.headers.get('content-encoding') ?? '' } }))`,
  slow: `Deno.serve(() => {
    const steps = ['one', 'two']
    return new Response(new ReadableStream({
      async pull(controller) {
        const step = steps.shift()
        if (!step) return controller.close()
        controller.enqueue(new TextEncoder().encode(step))
        await new Promise((resolve) => setTimeout(resolve, 300))
      },
    }))
  })`,
  _shared: `throw new Error('no function')`,
}

const log: string[] = []
let folder: string
let stack: Stack

beforeAll(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tidemark-functions-'))
  const functionsDir = join(folder, 'functions')
  const migrationsDir = join(folder, 'migrations')
  await mkdir(migrationsDir)
  for (const [name, code] of Object.entries(functions)) {
    await mkdir(join(functionsDir, name), { recursive: true })
    await writeFile(join(functionsDir, name, 'index.ts'), code)
  }
  await writeFile(join(functionsDir, 'deno.json'), '{}')
  const ports = { port: await freePort(), dbPort: await freePort() }
  const dataDir = join(folder, 'data')
  stack = await startStack({
    ...ports,
    dataDir,
    functionsDir,
    migrationsDir,
    functions: 'watch',
    log: (line) => log.push(line),
  })
})

afterAll(async () => {
  await stack.stop()
  await rm(folder, { recursive: true })
})

function call(name: string, init: RequestInit = {}) {
  const headers = { authorization: `Bearer ${stack.info.publishable_key}`, ...init.headers }
  return fetch(`${stack.info.functions_url}/${name}`, { method: 'POST', ...init, headers })
}

describe('edge functions', () => {
  it('answer supabase-js, with the environment of hosted ones', async () => {
    const { api_url, publishable_key, secret_key, db_url } = stack.info
    const client = createClient(api_url, publishable_key)
    const { data, error } = await client.functions.invoke('hello', { body: { name: 'Ann' } })
    expect(error).toBeNull()
    const env = [api_url, publishable_key, secret_key, db_url]
    expect(data).toEqual({ name: 'Ann', method: 'POST', env })
  })

  it('that do not load answer 503, say why, and leave the others alone', async () => {
    for (const name of ['broken', 'typo']) {
      const answer = await call(name)
      expect([answer.status, (await answer.json()).code]).toEqual([503, 'BOOT_ERROR'])
    }
    expect(log.join('\n')).toContain('function broken did not start: Error: cannot load')
  })

  it('that throw answer 500, those that are none 404', async () => {
    expect((await call('throws')).status).toBe(500)
    expect((await call('nowhere')).status).toBe(404)
    expect((await call('_shared')).status).toBe(404)
  })

  it('may not write to the disk', async () => {
    expect((await call('nosy')).status).toBe(500)
  })

  it('get and give compressed bodies as they are', async () => {
    const body = gzipSync('x'.repeat(100_000))
    const answer = await call('packed', { body, headers: { 'content-encoding': 'gzip' } })
    expect(answer.headers.get('x-got')).toBe('gzip')
    expect(await answer.text()).toBe(gunzipSync(body).toString())
  })

  it('may answer bit by bit', async () => {
    const answer = await call('slow')
    const start = performance.now()
    const pieces: string[] = []
    for await (const piece of answer.body!) pieces.push(Buffer.from(piece).toString())
    expect(pieces).toEqual(['one', 'two'])
    expect(performance.now() - start).toBeGreaterThan(200)
  })

  it('decide themselves whether a web page may call them', async () => {
    const answer = await fetch(`${stack.info.functions_url}/open`, { method: 'OPTIONS' })
    expect(answer.status).toBe(204)
    expect(answer.headers.get('access-control-allow-origin')).toBe('https://example.com')
  })

  it('are loaded again when they change', async () => {
    const code = `Deno.serve(() => new Response('mended'))`
    await writeFile(join(folder, 'functions', 'typo', 'index.ts'), code)
    const answer = async () => (await call('typo').catch(() => undefined))?.text()
    await expect.poll(answer, { timeout: 10_000 }).toBe('mended')
  })
})
