import type { Deps, LogEntry } from '../_tidemark/deps.ts'
import { Refusal } from '../_tidemark/refusal.ts'

/** The refusal that a call ends with. */
export function refusalOf(call: () => unknown): Refusal {
  try {
    call()
  } catch (error) {
    if (error instanceof Refusal) return error
    throw error
  }
  throw new Error('nothing was refused')
}

/** A token with these claims, in the form of a signed one. */
export function tokenOf(claims: Record<string, unknown>): string {
  const part = (value: unknown) =>
    btoa(JSON.stringify(value)).replaceAll('+', '-').replaceAll('/', '_').replaceAll('=', '')
  return `${part({ alg: 'HS256', typ: 'JWT' })}.${part(claims)}.c2lnbmF0dXJl`
}

/** A token that passes for a signed-in user's, as long as no database looks at its signature. */
export const plausibleToken = tokenOf({ sub: crypto.randomUUID(), role: 'authenticated' })

export function post(body: BodyInit, headers: Record<string, string> = {}): Request {
  return new Request('http://localhost/functions/v1/any', {
    method: 'POST',
    headers: {
      authorization: `Bearer ${plausibleToken}`,
      'content-type': 'application/json',
      ...headers,
    },
    body,
  })
}

/** Dependencies with which a call that comes as far as the database fails the test. */
export function closedDeps(
  changes: Partial<Deps> = {},
): Deps & { entries: LogEntry[]; slept: number[] } {
  const entries: LogEntry[] = []
  const slept: number[] = []
  return {
    url: 'http://database.invalid',
    publishableKey: 'sb_publishable_test',
    fetch: () => Promise.reject(new Error('the database was called')),
    now: () => Date.now(),
    sleep: (ms) => {
      slept.push(ms)
      return Promise.resolve()
    },
    random: () => Math.random(),
    log: (entry) => entries.push(entry),
    entries,
    slept,
    ...changes,
  }
}

export async function gzip(
  text: string | Uint8Array<ArrayBuffer>,
): Promise<Uint8Array<ArrayBuffer>> {
  return await through(text, new CompressionStream('gzip'))
}

export async function gunzip(bytes: Uint8Array<ArrayBuffer>): Promise<string> {
  return new TextDecoder().decode(await through(bytes, new DecompressionStream('gzip')))
}

async function through(
  input: string | Uint8Array<ArrayBuffer>,
  transform: CompressionStream | DecompressionStream,
): Promise<Uint8Array<ArrayBuffer>> {
  return new Uint8Array(
    await new Response(new Blob([input]).stream().pipeThrough(transform)).arrayBuffer(),
  )
}
