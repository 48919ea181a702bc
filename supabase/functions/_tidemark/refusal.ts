import { CALL_CODES, FUNCTION_CODES, LIMITS, PROTOCOL_VERSION } from './constants.ts'
import type { CallCode, FunctionCode } from './constants.ts'
import type { PostgrestError } from './wire.ts'

const STATUS = { ...CALL_CODES, ...FUNCTION_CODES }

/** A call that ends here with a coded answer. Thrown anywhere in a handler, answered by `http.ts`. */
export class Refusal extends Error {
  override name = 'Refusal'
  readonly status: number
  readonly body: PostgrestError
  readonly headers: Record<string, string>

  constructor(
    code: CallCode | FunctionCode,
    {
      details = null,
      hint = null,
      headers = {},
    }: {
      details?: string | null
      hint?: string | null
      headers?: Record<string, string>
    } = {},
  ) {
    super(code)
    this.status = STATUS[code]
    this.body = { code: `PT${this.status}`, message: code, details, hint }
    this.headers = headers
  }
}

/** 400. `at` is the path of what is wrong, e.g. `mutations[3].seq`. */
export function malformed(at: string, problem: string, hint: string | null = null): Refusal {
  return new Refusal('malformed', { details: `${at}: ${problem}`, hint })
}

/** 426: a request in a protocol that is not this function's. */
export function upgradeRequired(protocol: number): Refusal {
  return new Refusal('upgrade_required', {
    details: `protocol ${protocol}; this function speaks ${PROTOCOL_VERSION}`,
    hint: 'Update the app; its queue is kept.',
  })
}

/** 413, with the limits as JSON in `details`, as `sync_push` gives them. */
export function batchTooLarge(): Refusal {
  return new Refusal('batch_too_large', {
    details: JSON.stringify({ max_bytes: LIMITS.batchBytes, max_mutations: LIMITS.mutations }),
    hint: 'Send fewer mutations a call.',
  })
}
