import { classify, NetworkError } from '../model/errors.ts'
import type { Clock } from '../util/clock.ts'
import { withSignal } from '../util/with-signal.ts'
import type { Account } from './account.ts'
import { type Backoff, retry } from './backoff.ts'
import type { Transport } from './transport.ts'

/** What a call ends with that is not tried because it makes no sense. */
export const offline = (): NetworkError =>
  new NetworkError({ code: 'offline', message: 'There is no network.' })

/** How this device asks the server. Every rejection is a `SyncError`. */
export interface Requests {
  /** One request with its timeout, which also ends when `signal` aborts or the sync is closed. */
  once<T>(work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T>
  /** A request, tried again as often as makes sense, with a new token where the old one is refused. */
  request<T>(work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T>
  /** A database function by name, in the same way. */
  call<T>(name: string, args: object): Promise<T>
}

export interface RequestSettings {
  transport: Transport
  account: Account
  backoff: Backoff
  clock: Clock
  /** Milliseconds that one request may take. */
  timeout: number
}

export function createRequests(
  { transport, account, backoff, clock, timeout }: RequestSettings,
  /** Aborts when the sync is closed. */
  closing: AbortSignal,
  /** Throws where nothing may be asked. */
  check: () => void,
): Requests {
  const once: Requests['once'] = (work, signal = closing) =>
    withSignal({ signals: [signal, closing], timeout }, work)

  const request: Requests['request'] = (work, signal = closing) => {
    const attempt = () => {
      signal.throwIfAborted()
      check()
      return once(work, signal)
    }
    const authorised = async () => {
      try {
        return await attempt()
      } catch (error) {
        if (classify(error).status !== 401 || !(await account.renew())) throw error
        return attempt()
      }
    }
    return retry(authorised, backoff, clock, signal)
  }

  return {
    once,
    request,
    call: (name, args) => request((signal) => transport.call(name, args, signal)),
  }
}
