import type { SyncError } from '../model/errors.ts'
import { errorFromStatus, NetworkError } from '../model/errors.ts'
import type {
  PullAnswer,
  PullRequest,
  PushAnswer,
  PushRequest,
  SyncAnswer,
  SyncRequest,
} from '../model/wire.ts'

/** Sends requests to the server. Each call is one request; every rejection is a `SyncError`. */
export interface Transport {
  push(request: PushRequest, signal: AbortSignal): Promise<PushAnswer>
  pull(request: PullRequest, signal: AbortSignal): Promise<PullAnswer>
  /** Push, then pull, in one round trip. Absent where the transport cannot combine them. */
  sync?(request: SyncRequest, signal: AbortSignal): Promise<SyncAnswer>
  /** Calls any other database function of Tidemark by name, with named arguments. */
  call<T>(name: string, args: object, signal: AbortSignal): Promise<T>
}

interface Answer {
  data: unknown
  error: unknown
  status?: number
}

/** The methods of a supabase-js client that a transport uses. */
export interface SupabaseCaller {
  rpc(
    name: string,
    args: object,
  ): PromiseLike<Answer> & { abortSignal(signal: AbortSignal): PromiseLike<Answer> }
  functions: {
    invoke(
      name: string,
      options: {
        body: string | ArrayBuffer
        headers: Record<string, string>
        signal: AbortSignal
      },
    ): Promise<Answer>
  }
}

/** The body of an error of PostgREST or of an edge function. */
export interface ErrorBody {
  /** A text; a number in errors of the edge function platform. */
  code?: unknown
  message?: string
  details?: string | null
  hint?: string | null
}

/** The `SyncError` of an error body. Errors of Tidemark have `PT` and the status as code, and their name as message. */
export function requestError(status: number, body: ErrorBody, retryAfter?: number): SyncError {
  const { message = `HTTP ${status}` } = body
  const code = typeof body.code === 'string' ? body.code : ''
  return errorFromStatus(status, {
    code: code.startsWith('PT') ? message : code || (status ? `http_${status}` : 'network'),
    message,
    details: body.details ?? undefined,
    hint: body.hint ?? undefined,
    retryAfter,
  })
}

/** Returns an answer that is an object; anything else is not from the sync server, but e.g. from a proxy. */
export function asObject<T>(data: unknown): T {
  if (typeof data === 'object' && data !== null) return data as T
  throw new NetworkError({ code: 'bad_answer', message: 'The answer is not from the sync server.' })
}

/** A transport that calls the RPCs through the data API; only the migrations must be installed. */
export function rpcTransport(client: SupabaseCaller): Transport {
  async function call<T>(name: string, args: object, signal: AbortSignal): Promise<T> {
    const { data, error, status = 0 } = await client.rpc(name, args).abortSignal(signal)
    if (error) {
      signal.throwIfAborted()
      throw requestError(status, error as ErrorBody)
    }
    return asObject(data)
  }
  return {
    push: (request, signal) => call('sync_push', request, signal),
    pull: (request, signal) => call('sync_pull', request, signal),
    call,
  }
}
