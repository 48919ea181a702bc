import type { SyncError } from '../model/errors.ts'
import { fromStatus, NetworkError } from '../model/errors.ts'
import type {
  PullAnswer,
  PullRequest,
  PushAnswer,
  PushRequest,
  SyncAnswer,
  SyncRequest,
} from '../model/wire.ts'

/** How requests reach the server. Every rejection is a `SyncError`; a call is one request. */
export interface Transport {
  push(request: PushRequest, signal: AbortSignal): Promise<PushAnswer>
  pull(request: PullRequest, signal: AbortSignal): Promise<PullAnswer>
  /** Push, then pull, in one round trip. Absent where there is no such thing. */
  sync?(request: SyncRequest, signal: AbortSignal): Promise<SyncAnswer>
  /** Any other database function of Tidemark, by name, with its named arguments. */
  call<T>(name: string, args: object, signal: AbortSignal): Promise<T>
}

interface Answer {
  data: unknown
  error: unknown
  status?: number
}

/** The part of a supabase-js client that a transport uses. */
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

/** An error body as PostgREST and the functions print it. */
export interface ErrorBody {
  /** The platform's own refusals of functions have a number here. */
  code?: unknown
  message?: string
  details?: string | null
  hint?: string | null
}

/** A refusal of ours carries its name as the message and `PT` with the status as the code. */
export function requestError(status: number, body: ErrorBody, retryAfter?: number): SyncError {
  const { message = `HTTP ${status}` } = body
  const code = typeof body.code === 'string' ? body.code : ''
  return fromStatus(status, {
    code: code.startsWith('PT') ? message : code || (status ? `http_${status}` : 'network'),
    message,
    details: body.details ?? undefined,
    hint: body.hint ?? undefined,
    retryAfter,
  })
}

/** An answer's object; anything else came from somebody in between. */
export function asObject<T>(data: unknown): T {
  if (typeof data === 'object' && data !== null) return data as T
  throw new NetworkError({ code: 'bad_answer', message: 'The answer is not from the sync server.' })
}

/** Calls the RPCs through the data API: needs nothing but the migrations. */
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
