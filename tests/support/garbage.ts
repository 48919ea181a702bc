import fc from 'fast-check'

/** JSON text that `JSON.stringify` cannot write: what a client in another language may send. */
export class Raw {
  readonly text: string
  constructor(text: string) {
    this.text = text
  }
}

/** As `JSON.stringify`, with {@link Raw} texts as they are. */
export function jsonText(value: unknown): string {
  if (value instanceof Raw) return value.text
  if (Array.isArray(value)) return `[${value.map(jsonText).join(',')}]`
  if (typeof value === 'object' && value !== null)
    return `{${Object.entries(value)
      .filter(([, member]) => member !== undefined)
      .map(([name, member]) => `${JSON.stringify(name)}:${jsonText(member)}`)
      .join(',')}}`
  return JSON.stringify(value ?? null)
}

const nested = (depth: number): string => '['.repeat(depth) + ']'.repeat(depth)

/** Text that breaks programs: quotes of every kind, controls, what is no character, names that mean something. */
export const hostileText = fc.oneof(
  fc.constantFrom(
    '',
    ' ',
    '\u0000',
    'a\u0000b',
    '\ud800',
    'x\udc00',
    '\ud83d\ude00',
    'e\u0301\u0323',
    '\u202eabc',
    '\ufeff',
    '\u200b',
    '\uffff',
    "'",
    '"',
    "'; drop table tidemark.settings; --",
    '\\',
    '%s%I%L',
    '$1',
    '{}',
    '{1,2',
    '[]',
    'null',
    'NaN',
    'Infinity',
    '-infinity',
    'now',
    'today',
    '__proto__',
    'constructor',
    'tidemark.settings',
    'pg_catalog.pg_class',
    'x'.repeat(100_000),
  ),
  fc.string({ unit: 'binary', maxLength: 20 }),
)

const hostileNumber = fc.oneof(
  fc.constantFrom(0, -1, 1.5, 2 ** 31, 2 ** 53, -(2 ** 63), 1e308, 5e-324),
  fc
    .constantFrom('1e400', '-0', '1.0', '1e0', '9223372036854775808', '9'.repeat(400), '1e-400')
    .map((text) => new Raw(text)),
)

/** Any JSON value that was never meant to be here. */
export const garbage: fc.Arbitrary<unknown> = fc.letrec((tie) => ({
  value: fc.oneof(
    { maxDepth: 4 },
    fc.constantFrom(null, true, false),
    hostileText,
    hostileNumber,
    fc.constantFrom(nested(200), nested(2_000)).map((text) => new Raw(text)),
    fc.constant(new Raw('{"a":1,"a":{"a":2}}')),
    fc.array(tie('value'), { maxLength: 4 }),
    fc.dictionary(
      hostileText.filter((name) => name.length < 100),
      tie('value'),
      { maxKeys: 4 },
    ),
  ),
})).value

/** Mostly what was meant, sometimes garbage. */
export const mostly = <T>(sound: fc.Arbitrary<T>, weight = 6): fc.Arbitrary<unknown> =>
  fc.oneof({ arbitrary: sound, weight }, { arbitrary: garbage, weight: 1 })
