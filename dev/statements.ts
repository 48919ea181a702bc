export interface Statement {
  text: string
  /** Where it starts in its file, from 1. */
  line: number
}

const quoted = /'(?:[^']|'')*'|"(?:[^"]|"")*"/y
const escaped = /[eE]'(?:[^'\\]|\\.|'')*'/sy
const dollar = /\$([A-Za-z_\u0080-\uffff][\w\u0080-\uffff]*)?\$/y
const lineComment = /--[^\n]*/y
const word = /[A-Za-z_\u0080-\uffff][\w$\u0080-\uffff]*/y

/** Splits a migration where Postgres does, so that an error can name its line. */
export function splitStatements(sql: string): Statement[] {
  const statements: Statement[] = []
  let start = 0
  let depth = 0
  // Bodies of `begin atomic … end` hold semicolons of their own.
  let atomic = 0
  let previous = ''

  const finish = (end: number) => {
    const text = sql.slice(start, end)
    const lead = leadingBlank(text)
    const trimmed = text.slice(lead).trim()
    if (trimmed)
      statements.push({ text: trimmed, line: 1 + count(sql.slice(0, start + lead), '\n') })
  }

  for (let at = 0; at < sql.length;) {
    const found = (pattern: RegExp) => {
      pattern.lastIndex = at
      return pattern.exec(sql)
    }
    const char = sql[at]!
    let match: RegExpExecArray | null
    if ((match = found(lineComment))) at += match[0].length
    else if (sql.startsWith('/*', at)) at = endOfComment(sql, at)
    else if ((match = found(escaped)) || (match = found(quoted))) at += match[0].length
    else if ((match = found(dollar))) {
      const end = sql.indexOf(match[0], at + match[0].length)
      at = end < 0 ? sql.length : end + match[0].length
    } else if ((match = found(word))) {
      const now = match[0].toLowerCase()
      if (now === 'atomic' && previous === 'begin') atomic++
      else if (atomic && now === 'case') atomic++
      else if (atomic && now === 'end') atomic--
      previous = now
      at += match[0].length
    } else {
      if (char === '(') depth++
      if (char === ')') depth--
      if (char === ';' && depth <= 0 && atomic === 0) {
        finish(at)
        start = at + 1
      }
      at++
    }
  }
  finish(sql.length)
  return statements
}

/** Length of the blank lines and comments in front of a statement, all of it when there is no statement. */
function leadingBlank(text: string): number {
  let at = 0
  for (;;) {
    const blank = /^\s*/.exec(text.slice(at))![0].length
    at += blank
    if (text.startsWith('--', at)) {
      const end = text.indexOf('\n', at)
      if (end < 0) return text.length
      at = end
    } else if (text.startsWith('/*', at)) at = endOfComment(text, at)
    else return at
  }
}

/** Block comments nest. */
function endOfComment(sql: string, from: number): number {
  let depth = 0
  for (let at = from; at < sql.length; at++) {
    const mark = sql.slice(at, at + 2)
    if (mark !== '/*' && mark !== '*/') continue
    depth += mark === '/*' ? 1 : -1
    at++
    if (depth === 0) return at + 1
  }
  return sql.length
}

function count(text: string, char: string): number {
  return text.split(char).length - 1
}
