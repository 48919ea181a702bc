import type { PostgresType } from 'postgres'

declare global {
  interface JSON {
    /** A number that JSON.stringify prints as it is written. */
    rawJSON(text: string): object
  }
}

/** Column values as PostgREST prints them, which is as to_json does. The driver's own forms differ. */
export const printedTypes: Record<string, PostgresType> = {
  bigint: reader(20, exactNumber),
  numeric: reader(1700, exactNumber),
  float4: reader(700, exactNumber),
  float8: reader(701, exactNumber),
  timestamp: reader(1114, isoTime),
  timestamptz: reader(1184, isoTime),
  bytea: reader(17, (text) => text),
  json: reader(114, exactJson, writeJson),
  jsonb: reader(3802, exactJson, writeJson),
}

function reader(
  type: number,
  parse: (text: string) => unknown,
  serialize: (value: unknown) => string = String,
): PostgresType {
  return { to: type, from: [type], serialize, parse }
}

/** NaN and infinity, which JSON has no numbers for, are printed as strings. */
function exactNumber(text: string): unknown {
  const number = Number(text)
  if (String(number) === text && Number.isFinite(number)) return number
  return /^-?\d/.test(text) ? JSON.rawJSON(text) : text
}

/** In UTC, where the stack's sessions are. */
function isoTime(text: string): string {
  return text.replace(/^(\d+-\d\d-\d\d) ([\d:.]+)/, '$1T$2').replace('+00', '+00:00')
}

function exactJson(text: string): unknown {
  // Digits that a JavaScript number may not keep: reviving every number is slow.
  if (!/\d{16}|\.\d*0\b|\d[eE]|-0/.test(text)) return JSON.parse(text)
  return JSON.parse(text, (_, value: unknown, context?: { source?: string }) =>
    typeof value === 'number' && context?.source ? exactNumber(context.source) : value,
  )
}

function writeJson(value: unknown): string {
  return JSON.stringify(value)
}
