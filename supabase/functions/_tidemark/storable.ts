import { elementTexts, objectText } from './json.ts'

/** Deeper than any real document, and far from where Postgres gives up on a whole call. */
const MAX_DEPTH = 256

/** Where there is none of these, all is well. Where there is one, its backslash may be an escaped one. */
const UNSTORABLE = /\\u(?:0000|[dD][89a-fA-F])/

/**
 * The mutations as text that PostgREST can hand to the database.
 *
 * Postgres holds neither U+0000 nor half of a surrogate pair, and refuses a whole request body for
 * one of them before `sync_push` is called: one such edit would hold up its queue for good. It is
 * replaced by an empty one that says why, and that comes back `rejected` with `malformed`.
 */
export function storable(text: string, mutations: { seq: number }[]): string {
  const texts = UNSTORABLE.test(text) ? elementTexts(text) : undefined
  const faults = mutations.map((mutation, i) => faultOf(texts?.[i] ?? '', mutation))
  if (faults.every((fault) => fault === undefined)) return text
  const sound = (texts ?? elementTexts(text)).map((element, i) => {
    const fault = faults[i]
    return fault === undefined
      ? element
      : objectText([
          ['seq', String(mutations[i]?.seq)],
          ['tidemark_unreadable', JSON.stringify(fault)],
        ])
  })
  return `[${sound.join(',')}]`
}

/** Why Postgres could not hold a value, which comes as text and parsed. */
export function faultOf(text: string, value: unknown): string | undefined {
  return escapeFault(text) ?? depthFault(value)
}

/** Escape sequences one by one, so that backslashes are counted right: a whole pair, a code, anything else. */
const ESCAPE = /\\(?:u[dD][89abAB][0-9a-fA-F]{2}\\u[dD][c-fC-F][0-9a-fA-F]{2}|u([0-9a-fA-F]{4})|.)/g

/**
 * Looks at the text, not at the strings that `JSON.parse` makes of it: V8 15.0 takes the name
 * `"\u0000"` or `"\ud800"` for `"\\"` where it has seen an object with that name at this place before.
 * In valid JSON, U+0000 is always an escape, and in UTF-8 half of a pair is too.
 */
function escapeFault(text: string): string | undefined {
  if (!UNSTORABLE.test(text)) return undefined
  for (const [, code] of text.matchAll(ESCAPE)) {
    if (code === '0000') return 'a string holds the character U+0000'
    if (code !== undefined && /^[dD][89a-fA-F]/.test(code))
      return 'a string holds half of a surrogate pair'
  }
  return undefined
}

/** Without recursion, which a deep enough value would exhaust. */
function depthFault(value: unknown): string | undefined {
  let level: unknown[] = [value]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return `nested deeper than ${MAX_DEPTH} levels`
    const next: unknown[] = []
    for (const value of level) {
      if (typeof value !== 'object' || value === null) continue
      for (const member of Array.isArray(value) ? value : Object.values(value)) next.push(member)
    }
    level = next
  }
  return undefined
}
