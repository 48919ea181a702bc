/** What went wrong, in words that a program can switch on. */
export interface Failure {
  /** Stable name of the cause, e.g. `offline`, `not_signed_in`, `malformed`, `quota`. */
  code: string
  message: string
  /** More about the cause, as the server or the platform gave it. */
  details?: string | undefined
  /** What to do about it. */
  hint?: string | undefined
  /** HTTP status where there was an answer. */
  status?: number | undefined
  /** Milliseconds the server asks to wait (`retry-after`). */
  retryAfter?: number | undefined
  cause?: unknown
}

/** Base of everything that Tidemark throws. One subclass a cause; `retryable` says whether time heals it. */
export class SyncError extends Error {
  override name = 'SyncError'
  declare readonly code: string
  /** True where the same call may succeed later without anybody doing anything. */
  readonly retryable: boolean = false
  declare readonly details: string | undefined
  declare readonly hint: string | undefined
  declare readonly status: number | undefined
  /** Milliseconds. */
  declare readonly retryAfter: number | undefined

  constructor({ message, cause, ...failure }: Failure) {
    super(message, cause === undefined ? undefined : { cause })
    Object.assign(this, failure)
  }
}

/** No answer, or one that says "later": offline, a time-out, an overloaded or restarting server. */
export class NetworkError extends SyncError {
  override name = 'NetworkError'
  override readonly retryable = true
}

/** Nobody is signed in, somebody else is, or this device is no longer welcome. The queue is untouched. */
export class AuthError extends SyncError {
  override name = 'AuthError'
}

/** The caller's input is wrong: an unknown table, a row without its key, a request the server cannot read. */
export class ValidationError extends SyncError {
  override name = 'ValidationError'
}

/** Somebody else's change stands in the way. */
export class ConflictError extends SyncError {
  override name = 'ConflictError'
}

/** A stored record that cannot be read, or is not what was written. */
export interface Damage {
  /** `rows`, `queue`, `failed` or `meta`. */
  store: string
  key: unknown
  /** What is there, as far as it can be had: the text, or the record with its wrong checksum. */
  content: unknown
}

/** The local store failed. `code` is `quota`, `corrupt`, `blocked`, `closed` or `storage`. */
export class StorageError extends SyncError {
  override name = 'StorageError'
  /** `corrupt`: which records it is, where that is known. */
  readonly damaged: readonly Damage[]

  constructor({ damaged = [], ...failure }: Failure & { damaged?: readonly Damage[] }) {
    super(failure)
    this.damaged = damaged
  }
}

/** Will fail again in the same way until something is deployed, upgraded or configured. */
export class PermanentError extends SyncError {
  override name = 'PermanentError'
}

/** None of the above. */
export class UnknownError extends SyncError {
  override name = 'UnknownError'
}

/** Statuses that say "later" rather than "no". */
const LATER = new Set([408, 425, 429])

/** An HTTP answer that is not 2xx, or (status 0) none at all, as the error it means. */
export function fromStatus(status: number, failure: Failure): SyncError {
  const full = { ...failure, status }
  // The same call would take as long again: whoever made it asks for less.
  if (failure.code === '57014') return new PermanentError({ ...full, code: 'statement_timeout' })
  // An error with a good status is a body that is none of ours: a captive portal, a cut connection.
  if (status < 400 || status >= 500 || LATER.has(status)) return new NetworkError(full)
  if (status === 401 || status === 403) return new AuthError(full)
  if (status === 409) return new ConflictError(full)
  if (status === 400 || status === 413 || status === 422) return new ValidationError(full)
  return new PermanentError(full)
}

/** What a call that was called off ends with. */
export const aborted = (cause: unknown): SyncError =>
  cause instanceof SyncError && cause.code === 'aborted'
    ? cause
    : new UnknownError({ code: 'aborted', message: 'The call was aborted.', cause })

/** Any thrown value as a {@link SyncError}. The one place where causes are told apart. */
export function classify(error: unknown): SyncError {
  if (error instanceof SyncError) return error
  const { name, message } =
    error instanceof Error || error instanceof DOMException
      ? error
      : { name: '', message: String(error) }
  const failure = { message, cause: error }
  if (name === 'TimeoutError') return new NetworkError({ ...failure, code: 'timeout' })
  if (name === 'AbortError') return new UnknownError({ ...failure, code: 'aborted' })
  // fetch rejects with a TypeError for every failure to get an answer, in every browser and in Node.
  if (name === 'TypeError' && /fetch|network|load failed|terminated/i.test(message))
    return new NetworkError({ ...failure, code: 'network' })
  return new UnknownError({ ...failure, code: 'unknown' })
}
