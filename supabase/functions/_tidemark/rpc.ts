import { notSignedIn } from './auth.ts'
import type { Deps } from './deps.ts'
import { Refusal } from './refusal.ts'
import { retrying } from './retry.ts'
import { PostgrestError } from './wire.ts'

/** Longer than any statement timeout; a connection that is silent for this long is gone. */
const SILENCE_MS = 100_000

const OPENING_BRACE = 0x7b

/** What came of a call: the body as the database gave it. */
export interface RpcAnswer {
  status: number
  body: Uint8Array<ArrayBuffer>
  /** The body, parsed, when the call failed. */
  error?: PostgrestError
  /** The error in a body whose other parts were committed. */
  lateError?: PostgrestError
}

/** Calls `public.<name>` with a JSON object of named arguments. */
export type Rpc = (name: 'sync_push' | 'sync_pull', body: string) => Promise<RpcAnswer>

/**
 * PostgREST as one caller sees it: with their own token and the publishable key, nothing else.
 * Deadlocks and serialization failures are tried again; any other error is an answer.
 */
export function rpcAs(authorization: string, deps: Deps): Rpc {
  return (name, body) =>
    retrying(async () => {
      let status: number
      let answer: Uint8Array<ArrayBuffer>
      // Not AbortSignal.timeout: that stays in memory until it is over, long after the answer.
      const silence = new AbortController()
      const timer = setTimeout(() => silence.abort(), SILENCE_MS)
      try {
        const response = await deps.fetch(`${deps.url}/rest/v1/rpc/${name}`, {
          method: 'POST',
          headers: {
            authorization,
            apikey: deps.publishableKey,
            'content-type': 'application/json',
            accept: 'application/json',
          },
          body,
          signal: silence.signal,
        })
        status = response.status
        answer = new Uint8Array(await response.arrayBuffer())
      } catch {
        return failure(unavailable('The database API did not answer.'))
      } finally {
        clearTimeout(timer)
      }
      if (status >= 300) return failed(name, status, answer)
      // Whatever stands between may answer 200 with a page of its own.
      return answer[0] === OPENING_BRACE
        ? { status, body: answer }
        : failure(unavailable('The answer is not that of the database API.'))
    }, deps)
}

/** An error goes on as it came, except where a caller would not know what to do with it. */
function failed(name: string, status: number, body: Uint8Array<ArrayBuffer>): RpcAnswer {
  const error = parsedError(body)
  if (!error) return failure(unavailable(`The database API answered ${status}.`))
  if (status === 401 && error.code.startsWith('PGRST3')) {
    return failure(notSignedIn(`${error.code}: ${error.message}`))
  }
  if (error.code === 'PGRST202') {
    const hint = `public.${name} cannot be called: the migrations are missing or older than this function. Run supabase db push.`
    return failure({ status, body: { ...error, hint } })
  }
  return { status, body, error }
}

function failure({ status, body: error }: { status: number; body: PostgrestError }): RpcAnswer {
  return { status, body: new TextEncoder().encode(JSON.stringify(error)), error }
}

function unavailable(details: string): Refusal {
  return new Refusal('unavailable', { details, hint: 'Try again later.' })
}

function parsedError(body: Uint8Array): PostgrestError | undefined {
  try {
    return PostgrestError.safeParse(JSON.parse(new TextDecoder().decode(body))).data
  } catch {
    return undefined
  }
}
