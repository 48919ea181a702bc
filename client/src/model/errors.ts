/** What went wrong, with a code that a program can switch on. */
export interface Failure {
  /** Stable name of the cause, e.g. `offline`, `not_signed_in`, `malformed`, `quota`. */
  code: string
  message: string
  /** More about the cause, as the server or the platform gave it. */
  details?: string | undefined
  /** What to do about it. */
  hint?: string | undefined
  /** HTTP status where the server answered. */
  status?: number | undefined
  /** Milliseconds the server asks to wait (`retry-after`). */
  retryAfter?: number | undefined
  cause?: unknown
}

/** Base class of every error that Tidemark throws. Each kind of cause has a subclass. */
export class SyncError extends Error {
  override name = 'SyncError'
  declare readonly code: string
  /** True where the same call may succeed later without a change by the user or the developer. */
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

/** The server did not answer or asked to retry: offline, a timeout, an overloaded or restarting server. */
export class NetworkError extends SyncError {
  override name = 'NetworkError'
  override readonly retryable = true
}

/** No user is signed in, another user is, or this device was revoked. The queue is unchanged. */
export class AuthError extends SyncError {
  override name = 'AuthError'
}

/** The input is wrong: an unknown table, a row without its key, a request that the server cannot read. */
export class ValidationError extends SyncError {
  override name = 'ValidationError'
}

/** A change of another user or device, or unsent edits, prevent the call. */
export class ConflictError extends SyncError {
  override name = 'ConflictError'
}

/** A stored record that cannot be read, or differs from what was written. */
export interface Damage {
  /** `rows`, `queue`, `failed` or `meta`. */
  store: string
  key: unknown
  /** What the storage still has of the record: its text, or the record with a wrong checksum. */
  content: unknown
}

/** The local store failed. `code` is `quota`, `corrupt`, `blocked`, `closed` or `storage`. */
export class StorageError extends SyncError {
  override name = 'StorageError'
  /** With code `corrupt`: the damaged records, where they are known. */
  readonly damaged: readonly Damage[]

  constructor({ damaged = [], ...failure }: Failure & { damaged?: readonly Damage[] }) {
    super(failure)
    this.damaged = damaged
  }
}

/** The call fails again in the same way until something is deployed, upgraded or configured. */
export class PermanentError extends SyncError {
  override name = 'PermanentError'
}

/** An error of no other class. */
export class UnknownError extends SyncError {
  override name = 'UnknownError'
}

/** Statuses of the 4xx range after which a retry makes sense. */
const RETRYABLE_STATUSES = new Set([408, 425, 429])

/** The error for an HTTP status that is not 2xx; status 0 means that no answer arrived. */
export function errorFromStatus(status: number, failure: Failure): SyncError {
  const full = { ...failure, status }
  // The same call would time out again: the caller has to ask for less.
  if (failure.code === '57014') return new PermanentError({ ...full, code: 'statement_timeout' })
  // An error with a status of success is a body of another server: a captive portal, a cut connection.
  if (status < 400 || status >= 500 || RETRYABLE_STATUSES.has(status)) return new NetworkError(full)
  if (status === 401 || status === 403) return new AuthError(full)
  if (status === 409) return new ConflictError(full)
  if (status === 400 || status === 413 || status === 422) return new ValidationError(full)
  return new PermanentError(full)
}

/** The error of a call that its `signal` aborted. */
export const abortedError = (cause: unknown): SyncError =>
  cause instanceof SyncError && cause.code === 'aborted'
    ? cause
    : new UnknownError({ code: 'aborted', message: 'The call was aborted.', cause })

/** Any thrown value as a {@link SyncError}. Causes are classified here and nowhere else. */
export function classify(error: unknown): SyncError {
  if (error instanceof SyncError) return error
  const { name, message } =
    error instanceof Error || error instanceof DOMException
      ? error
      : { name: '', message: String(error) }
  const failure = { message, cause: error }
  if (name === 'TimeoutError') return new NetworkError({ ...failure, code: 'timeout' })
  if (name === 'AbortError') return new UnknownError({ ...failure, code: 'aborted' })
  // In every browser and in Node, fetch rejects with a TypeError where no answer arrives.
  if (name === 'TypeError' && /fetch|network|load failed|terminated/i.test(message))
    return new NetworkError({ ...failure, code: 'network' })
  return new UnknownError({ ...failure, code: 'unknown' })
}
