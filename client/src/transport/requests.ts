import { classify, NetworkError } from '../model/errors.ts'
import type { Clock } from '../util/clock.ts'
import { withSignal } from '../util/with-signal.ts'
import type { Account } from './account.ts'
import { type Backoff, retry } from './backoff.ts'
import type { Transport } from './transport.ts'

/** The error of a call that is not attempted because the device is offline. */
export const offlineError = (): NetworkError =>
  new NetworkError({ code: 'offline', message: 'The device is offline.' })

/** Sends requests to the server. Every rejection is a `SyncError`. */
export interface Requests {
  /** Sends one request, which ends at its timeout, when `signal` aborts or when the sync is closed. */
  once<T>(work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T>
  /** Sends a request and retries it as `backoff` says; renews a token that the server refuses. */
  request<T>(work: (signal: AbortSignal) => Promise<T>, signal?: AbortSignal): Promise<T>
  /** Calls a database function by name, with the same retries. */
  call<T>(name: string, args: object): Promise<T>
}

export interface RequestsDeps {
  transport: Transport
  account: Pick<Account, 'renew'>
  backoff: Backoff
  clock: Clock
  /** Milliseconds that one request may take. */
  timeout: number
}

export function createRequests(
  { transport, account, backoff, clock, timeout }: RequestsDeps,
  /** Aborts when the sync is closed. */
  closing: AbortSignal,
  /** Throws where the user who is signed in must not send requests. */
  throwIfDenied: () => void,
): Requests {
  const once: Requests['once'] = (work, signal = closing) =>
    withSignal({ signals: [signal, closing], timeout }, work)

  const request: Requests['request'] = (work, signal = closing) => {
    const attempt = () => {
      signal.throwIfAborted()
      throwIfDenied()
      return once(work, signal)
    }
    const attemptWithRenewal = async () => {
      try {
        return await attempt()
      } catch (error) {
        if (classify(error).status !== 401 || !(await account.renew())) throw error
        return attempt()
      }
    }
    return retry(attemptWithRenewal, backoff, clock, signal)
  }

  return {
    once,
    request,
    call: (name, args) => request((signal) => transport.call(name, args, signal)),
  }
}
