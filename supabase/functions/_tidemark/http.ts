import { acceptsEncodings } from '@std/http/negotiation'
import { signedIn } from './auth.ts'
import { discardBody, readBody } from './body.ts'
import { LIMITS } from './constants.ts'
import type { Deps, LogEntry } from './deps.ts'
import { Refusal } from './refusal.ts'
import { rpcAs } from './rpc.ts'
import type { Rpc, RpcAnswer } from './rpc.ts'

/** Any origin: calls are authorised by a token that a page has to hold, never by a cookie. */
const CORS = { 'access-control-allow-origin': '*' }

/** The headers that supabase-js sends, and `content-encoding`. */
const PREFLIGHT = {
  ...CORS,
  'access-control-allow-methods': 'POST, OPTIONS',
  'access-control-allow-headers':
    'authorization, x-client-info, apikey, content-type, content-encoding, x-region, x-retry-count, traceparent, tracestate, baggage',
  'access-control-max-age': '86400',
}

/** An answer smaller than this does not get smaller by gzip. */
const GZIP_FROM_BYTES = 1024

/** A signed-in caller's request, its body read. */
export interface Call {
  text: string
  rpc: Rpc
  /** Told once they are counted, for the log. */
  count: (mutations: number) => void
}

/**
 * The way every call goes: preflight, method, caller, body, then `work`, then the answer or the coded
 * refusal, compressed where the caller takes it, and one line in the log.
 */
export async function serve(
  name: string,
  request: Request,
  deps: Deps,
  work: (call: Call) => Promise<RpcAnswer>,
): Promise<Response> {
  if (request.method === 'OPTIONS') return new Response(null, { status: 204, headers: PREFLIGHT })

  const begun = deps.now()
  const log: LogEntry = {
    function: name,
    status: 500,
    code: 'internal',
    mutations: 0,
    bytes_in: 0,
    bytes_out: 0,
    ms: 0,
    rpcs: 0,
  }
  const countingFetch: Deps['fetch'] = (url, init) => {
    log.rpcs++
    return deps.fetch(url, init)
  }

  let answer: RpcAnswer
  let headers: Record<string, string> = {}
  try {
    if (request.method !== 'POST') {
      throw new Refusal('method_not_allowed', {
        hint: 'Use POST.',
        headers: { allow: 'POST, OPTIONS' },
      })
    }
    const authorization = signedIn(request, deps.now())
    const { text, bytes } = await readBody(request, LIMITS.batchBytes)
    log.bytes_in = bytes
    const rpc = rpcAs(authorization, { ...deps, fetch: countingFetch })
    answer = await work({ text, rpc, count: (mutations) => (log.mutations = mutations) })
  } catch (error) {
    const refusal = error instanceof Refusal ? error : new Refusal('internal')
    if (refusal !== error) log.error = whereOf(error)
    headers = refusal.headers
    await discardBody(request).catch(() => {})
    answer = {
      status: refusal.status,
      body: new TextEncoder().encode(JSON.stringify(refusal.body)),
      error: refusal.body,
    }
  }

  let { body } = answer
  if (body.byteLength > GZIP_FROM_BYTES && takesGzip(request)) {
    body = await gzipped(body)
    // Whoever forwards an answer that says how it is encoded does not encode it again.
    headers['content-encoding'] = 'gzip'
  }
  log.status = answer.status
  const error = answer.error ?? answer.lateError
  log.code = error ? codeOf(error) : null
  log.bytes_out = body.byteLength
  log.ms = Math.round(deps.now() - begun)
  deps.log(log)
  return new Response(body, {
    status: answer.status,
    headers: {
      ...CORS,
      'content-type': 'application/json; charset=utf-8',
      'cache-control': 'no-store',
      vary: 'accept-encoding',
      ...headers,
    },
  })
}

function takesGzip(request: Request): boolean {
  return (
    request.headers.has('accept-encoding') &&
    acceptsEncodings(request, 'gzip', 'identity') === 'gzip'
  )
}

async function gzipped(body: Uint8Array<ArrayBuffer>): Promise<Uint8Array<ArrayBuffer>> {
  const stream = new Blob([body]).stream().pipeThrough(new CompressionStream('gzip'))
  return new Uint8Array(await new Response(stream).arrayBuffer())
}

/** Our own refusals by name, others by SQLSTATE. */
function codeOf({ code, message }: { code: string; message: string }): string {
  return code.startsWith('PT') ? message : code
}

/** Which fault and where, without its message: that may quote what a user wrote. */
function whereOf(error: unknown): string {
  if (!(error instanceof Error)) return typeof error
  const frame = error.stack?.split('\n').find((line) => line.trimStart().startsWith('at '))
  return `${error.name}${frame ? ` ${frame.trim()}` : ''}`
}
