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

/** Milliseconds in a `retry-after` header: seconds, or a date. */
function retryAfter(headers: Headers): number | undefined {
  const value = headers.get('retry-after')
  if (!value) return undefined
  const ms = Number.isNaN(Number(value)) ? Date.parse(value) - Date.now() : Number(value) * 1000
  return Number.isNaN(ms) ? undefined : Math.max(0, ms)
}

/** From so many characters on a body is compressed. */
const GZIP_FROM = 2_048

/** A body for a function, which takes it compressed; what the platform cannot compress goes as it is. */
async function bodyOf(
  request: object,
): Promise<{ body: string | ArrayBuffer; headers: Record<string, string> }> {
  const text = JSON.stringify(request)
  const headers = { 'content-type': 'application/json' }
  if (text.length < GZIP_FROM || typeof CompressionStream === 'undefined')
    return { body: text, headers }
  const stream = new Blob([text]).stream().pipeThrough(new CompressionStream('gzip'))
  const body = await new Response(stream).arrayBuffer()
  return { body, headers: { ...headers, 'content-encoding': 'gzip' } }
}

/** How the edge functions are used. */
export interface FunctionsOptions {
  /**
   * Sends bulk through the functions too, since they take it compressed: for slow or metered uplinks.
   * Default false.
   */
  compress?: boolean
}

/**
 * Pushes and pulls at once by the edge function `sync`, which saves a round trip; where it is not
 * deployed, which is found out once, by the RPCs. A push or pull alone, and so all bulk, goes to the RPCs
 * straight away: on a fast network a function in between has nothing to add and would copy every byte
 * once more (measured on the local stack: a third of a download's speed, a tenth of an upload's).
 */
export function functionsTransport(
  client: SupabaseCaller,
  { compress = false }: FunctionsOptions = {},
): Transport {
  const rpc = rpcTransport(client)
  let deployed: boolean | undefined
  /**
   * Failures that say nothing, while the function has never answered. A browser hides the 404 of a missing
   * function behind CORS, so after each of them the RPCs have a turn; when they answer a second time
   * where the function did not, it was not the network.
   */
  let misses = 0
  let turnOfRpc = false

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
    const pushed = await rpc.push({ device_id, mutations, options }, signal)
    // Committed, it is answered whatever becomes of the pull: a page that is missing is asked for again.
    const page = await rpc.pull({ device_id, cursor, options }, signal).catch(() => ({}))
    return { ...pushed, ...page } as SyncAnswer
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
      if (turnOfRpc) {
        turnOfRpc = false
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
        // Out of memory or time (546): what is too much for it the database may manage.
        if (status === 404 || status === 546) return viaRpcs(request, signal)
        if (!deployed) {
          misses++
          turnOfRpc = true
        }
        throw error
      }
    },
  }
}
