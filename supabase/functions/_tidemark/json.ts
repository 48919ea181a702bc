/**
 * Where the parts of a JSON text begin and end.
 *
 * Row content passes through the functions as the text it came as: parsing and printing it again
 * would round numbers beyond a double and turn `1.10` into `1.1`. So a text is taken apart and put
 * together by cutting, never by `JSON.stringify(JSON.parse(text))`.
 *
 * The texts must be valid JSON: what `JSON.parse` has let through, or the database has given out. Of
 * others some end in an error, and others in nonsense.
 */

const QUOTE = 0x22
const BACKSLASH = 0x5c
const COMMA = 0x2c

/** The members of an object, name → text of the value. Of a repeated name the last counts, as in `JSON.parse`. */
export function memberTexts(object: string): Map<string, string> {
  const members = new Map<string, string>()
  for (const [start, end] of parts(object)) {
    const name = find(object, '"', start)
    const afterName = skipString(object, name)
    const colon = find(object, ':', afterName)
    members.set(
      JSON.parse(object.slice(name, afterName)) as string,
      object.slice(colon + 1, end).trim(),
    )
  }
  return members
}

/** The elements of an array, each as its text. */
export function elementTexts(array: string): string[] {
  return parts(array).map(([start, end]) => array.slice(start, end).trim())
}

/** An object of the given members; those without a text are left out. */
export function objectText(
  members: Iterable<readonly [name: string, text: string | undefined]>,
): string {
  const parts: string[] = []
  for (const [name, text] of members) {
    if (text !== undefined) parts.push(`${JSON.stringify(name)}:${text}`)
  }
  return `{${parts.join(',')}}`
}

/** The stretches between the outermost brackets, cut at the commas of that level. */
function parts(text: string): [start: number, end: number][] {
  const found: [number, number][] = []
  let depth = 0
  let start = 0
  let empty = true
  for (let at = 0; at < text.length; at++) {
    switch (text.charCodeAt(at)) {
      case QUOTE:
        empty = false
        at = skipString(text, at) - 1
        break
      case 0x7b: // {
      case 0x5b: // [
        if (depth === 0) start = at + 1
        else empty = false
        depth++
        break
      case 0x7d: // }
      case 0x5d: // ]
        depth--
        if (depth === 0) {
          if (!empty) found.push([start, at])
          return found
        }
        break
      case COMMA:
        if (depth === 1) {
          found.push([start, at])
          start = at + 1
        }
        break
      case 0x20:
      case 0x09:
      case 0x0a:
      case 0x0d:
        break
      default:
        empty = false
    }
  }
  return found
}

/** The place after the string that begins at `at`. Most of a large text is strings: `indexOf` is quick over them. */
function skipString(text: string, at: number): number {
  for (;;) {
    at = find(text, '"', at + 1)
    let slashes = 0
    while (text.charCodeAt(at - 1 - slashes) === BACKSLASH) slashes++
    if (slashes % 2 === 0) return at + 1
  }
}

function find(text: string, char: string, from: number): number {
  const at = text.indexOf(char, from)
  if (at < 0) throw new SyntaxError(`no ${char} where JSON has one`)
  return at
}
