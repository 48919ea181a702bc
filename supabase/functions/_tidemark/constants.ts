/**
 * What both ends of the wire need at run time. Free of imports, so that a client bundle carries no
 * validator.
 */

/** Version of the wire format. A server that no longer speaks a client's version answers `upgrade_required`. */
export const PROTOCOL_VERSION = 1

/** The most that one call may carry; more is answered `batch_too_large` with these numbers in `details`. */
export const LIMITS = {
  /** Mutations in one push. */
  mutations: 10_000,
  /** Bytes of a request body, after decompression. */
  batchBytes: 8 * 1024 * 1024,
  /** Bytes of a single mutation; a larger one alone is rejected as `too_large`. */
  mutationBytes: 1024 * 1024,
  /** Rows and removals in one page of a pull, when nothing is said and at most. */
  pageDefault: 1_000,
  pageMax: 10_000,
} as const

/** Why one mutation was rejected. Closed: a client may switch over it exhaustively. */
export const RESULT_CODES = [
  'unknown_table',
  'unknown_column',
  'invalid_value',
  'constraint',
  'foreign_key',
  'unique',
  'forbidden',
  'not_found',
  'gone',
  'too_large',
  'malformed',
] as const
export type ResultCode = (typeof RESULT_CODES)[number]

/**
 * Why a whole call was refused, with its HTTP status. The name travels in `message`, `PT` and the
 * status in `code`: what PostgREST makes of `raise sqlstate 'PT401' using message = 'not_signed_in'`.
 */
export const CALL_CODES = {
  not_signed_in: 401,
  device_revoked: 403,
  device_of_another_user: 403,
  malformed: 400,
  batch_too_large: 413,
  upgrade_required: 426,
} as const
export type CallCode = keyof typeof CALL_CODES

/**
 * Answers that only an edge function gives, never an RPC. `unavailable` (the database API is out of
 * reach) and `internal` (a fault in the function) are worth another try later.
 */
export const FUNCTION_CODES = {
  method_not_allowed: 405,
  unsupported_media_type: 415,
  internal: 500,
  unavailable: 503,
} as const
export type FunctionCode = keyof typeof FUNCTION_CODES
