import { classify, NetworkError } from '../model/errors.ts'
import type { PushAnswer, PushRequest, SyncAnswer, SyncRequest } from '../model/wire.ts'
import {
  asObject,
  requestError,
  rpcTransport,
  type ErrorBody,
  type SupabaseCaller,
  type Transport,
} from './transport.ts'

/** The `retry-after` header, which holds seconds or a date, in milliseconds. */
function retryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after')
  if (!value) return undefined
  const ms = Number.isNaN(Number(value)) ? Date.parse(value) - Date.now() : Number(value) * 1000
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

/** Bodies with fewer characters are not compressed. */
const MIN_GZIP_LENGTH = 2_048

/** The body of a request to a function, compressed where it is large and the platform can compress. */
async function bodyOf(
  request: object,
): Promise<{ body: string | ArrayBuffer; headers: Record<string, string> }> {
  const text = JSON.stringify(request)
  const headers = { 'content-type': 'application/json' }
  if (text.length < MIN_GZIP_LENGTH || typeof CompressionStream === 'undefined')
    return { body: text, headers }
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'))
  const body = await new Response(stream).arrayBuffer()
  return { body, headers: { ...headers, 'content-encoding': 'gzip' } }
}

/** Options of {@link functionsTransport}. */
export interface FunctionsOptions {
  /**
   * Sends pushes through the functions, which accept compressed bodies: for slow or metered uplinks. Default false.
   */
  compress?: boolean
}

/**
 * Sends `sync` (push and pull in one round trip) to the edge function, or to the RPCs where the function is not
 * deployed. Sends a push or a pull alone to the RPCs: a function between would only copy every byte once more.
 *
 * A browser hides the 404 of a missing function behind CORS, so the state also follows from failures without a
 * status. It is held in `deployed`, `misses` and `tryRpcNext`:
 *
 * | state | request goes to | event | next state |
 * | --- | --- | --- | --- |
 * | unknown | function | an answer, or an error with a status other than 404 | deployed |
 * | unknown | function, then RPCs | 404 from the function | missing |
 * | unknown | function | failure without a status, `misses + 1` | RPCs next |
 * | RPCs next | RPCs | an answer, and `misses` is 1 | unknown |
 * | RPCs next | RPCs | an answer, and `misses` is 2 or more | missing |
 * | RPCs next | RPCs | failure | unknown |
 * | deployed | function, then RPCs | 404 from the function | missing |
 * | deployed | function | any other outcome | deployed |
 * | missing | RPCs | any outcome | missing |
 *
 * A request for which the function lacks memory or time (status 546) is sent to the RPCs. With `compress` a push goes
 * to the function `sync-push`; its 404 also leads to the state missing.
 */
export function functionsTransport(
  client: SupabaseCaller,
  { compress = false }: FunctionsOptions = {},
): Transport {
  const rpc = rpcTransport(client)
  /** Whether the function `sync` is deployed; undefined while that is not known. */
  let deployed: boolean | undefined
  /** Failures without a status while `deployed` is not true. */
  let misses = 0
  let tryRpcNext = false

  async function viaFunction<T>(name: string, request: object, signal: AbortSignal): Promise<T> {
    const { data, error } = await client.functions.invoke(name, {
      ...(await bodyOf(request)),
      signal,
    })
    if (!error) return asObject(data)
    signal.throwIfAborted()
    const response = (error as { context?: unknown }).context
    if (!(response instanceof Response)) {
      const message = error instanceof Error ? error.message : String(error)
      throw new NetworkError({ code: 'network', message, cause: error })
    }
    const body = (await response.json().catch(() => ({}))) as ErrorBody
    throw requestError(response.status, body, retryAfter(response.headers))
  }

  async function viaRpcs(request: SyncRequest, signal: AbortSignal): Promise<SyncAnswer> {
    const { device_id, mutations, cursor = null, options = {} } = request
    const pushAnswer = await rpc.push({ device_id, mutations, options }, signal)
    // The push is committed, so its answer is returned also where the pull fails; the page is requested again.
    const pullAnswer = await rpc.pull({ device_id, cursor, options }, signal).catch(() => ({}))
    return { ...pushAnswer, ...pullAnswer } as SyncAnswer
  }

  async function push(request: PushRequest, signal: AbortSignal): Promise<PushAnswer> {
    if (!compress || deployed === false) return rpc.push(request, signal)
    try {
      return await viaFunction('sync-push', request, signal)
    } catch (error) {
      if (classify(error).status !== 404) throw error
      deployed = false
      return rpc.push(request, signal)
    }
  }

  return {
    ...rpc,
    push,
    async sync(request, signal) {
      if (deployed === false) return viaRpcs(request, signal)
      if (tryRpcNext) {
        tryRpcNext = false
        const answer = await viaRpcs(request, signal)
        if (misses > 1) deployed = false
        return answer
      }
      try {
        const answer = await viaFunction<SyncAnswer>('sync', request, signal)
        deployed = true
        return answer
      } catch (error) {
        const { status } = classify(error)
        if (status) deployed = status !== 404
        // Status 546: the function ran out of memory or time, which the RPCs may not.
        if (status === 404 || status === 546) return viaRpcs(request, signal)
        if (!deployed) {
          misses++
          tryRpcNext = true
        }
        throw error
      }
    },
  }
}
