import type { PostgresError } from 'postgres'

/** PostgREST's table of HTTP statuses, first match wins. */
const statuses: [RegExp, number][] = [
  [/^08/, 503],
  [/^09/, 500],
  [/^0L|^0P/, 403],
  [/^23503|^23505/, 409],
  [/^25006/, 405],
  [/^21000/, 500],
  [/^25/, 500],
  [/^28/, 403],
  [/^2D|^38|^39|^3B|^40|^53400/, 500],
  [/^53/, 503],
  [/^54|^55/, 500],
  [/^57P01/, 503],
  [/^57|^58|^F0|^HV/, 500],
  [/^P0001/, 400],
  [/^P0|^XX/, 500],
  [/^42883|^42P01/, 404],
  [/^42P17/, 500],
]

export function errorStatus({ code }: PostgresError, signedIn: boolean): number {
  if (code === '42501') return signedIn ? 403 : 401
  const raised = /^PT(\d{3})$/.exec(code)
  if (raised) return Number(raised[1])
  return statuses.find(([pattern]) => pattern.test(code))?.[1] ?? 400
}

export function errorBody({ code, message, detail, hint }: PostgresError) {
  return { code, message, details: detail ?? null, hint: hint ?? null }
}
