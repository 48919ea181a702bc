import { elementTexts, objectText } from './json.ts'

/** Deeper than any real document, and far from where Postgres gives up on a whole call. */
const MAX_DEPTH = 256

/**
 * The mutations as text that PostgREST can hand to the database.
 *
 * Postgres holds neither U+0000 nor half of a surrogate pair, and refuses a whole request body for
 * one of them before `sync_push` is called: one such edit would hold up its queue for good. It is
 * replaced by an empty one that says why, and that comes back `rejected` with `malformed`.
 */
export function storable(text: string, mutations: { seq: number }[]): string {
  const faults = mutations.map(faultOf)
  if (faults.every((fault) => fault === undefined)) return text
  const texts = elementTexts(text).map((element, i) => {
    const fault = faults[i]
    return fault === undefined
      ? element
      : objectText([
          ['seq', String(mutations[i]?.seq)],
          ['tidemark_unreadable', JSON.stringify(fault)],
        ])
  })
  return `[${texts.join(',')}]`
}

/** Without recursion, which a deep enough value would exhaust. */
function faultOf(mutation: unknown): string | undefined {
  let level: unknown[] = [mutation]
  for (let depth = 0; level.length > 0; depth++) {
    if (depth > MAX_DEPTH) return `nested deeper than ${MAX_DEPTH} levels`
    const next: unknown[] = []
    for (const value of level) {
      if (typeof value === 'string') {
        if (value.includes('\0')) return 'a string holds the character U+0000'
        if (!value.isWellFormed()) return 'a string holds half of a surrogate pair'
      } else if (Array.isArray(value)) {
        for (const element of value) next.push(element)
      } else if (typeof value === 'object' && value !== null) {
        for (const [name, member] of Object.entries(value)) next.push(name, member)
      }
    }
    level = next
  }
  return undefined
}
