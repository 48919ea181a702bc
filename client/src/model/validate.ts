import { ValidationError } from './errors.ts'
import type { Row } from './row.ts'

/** What a schema library says of a value: zod and what is shaped like it. */
export interface SchemaLike {
  safeParse(value: unknown):
    | { success: true }
    | {
        success: false
        error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] }
      }
}

/**
 * A rule of the app's: says what is wrong with a row, or throws it, or returns nothing. `before` is the row
 * as it was, null for a new one.
 */
export type Rule = (row: Row, before: Row | null) => string | readonly string[] | void

/** What every row of a table must pass before it is written here: a schema, a rule, or several of both. */
export type Validate = SchemaLike | Rule | readonly (SchemaLike | Rule)[]

/**
 * What is wrong with a row, in words. A schema sees the whole row as it would be; what it would change
 * is not taken over.
 */
export function problemsOf(validate: Validate, row: Row, before: Row | null): string[] {
  return [validate].flat().flatMap((check: SchemaLike | Rule) => {
    if (typeof check !== 'function') {
      const result = check.safeParse(row)
      if (result.success) return []
      return result.error.issues.map(({ path, message }) =>
        path.length > 0 ? `${path.map(String).join('.')}: ${message}` : message,
      )
    }
    try {
      return [check(row, before) ?? []].flat()
    } catch (error) {
      return [error instanceof Error ? error.message : String(error)]
    }
  })
}

/**
 * Throws a `ValidationError`, code `invalid_row`, with one line a problem as its details, where a row of
 * `table` does not pass.
 */
export function check(validate: Validate, table: string, row: Row, before: Row | null): void {
  const problems = problemsOf(validate, row, before)
  if (problems.length === 0) return
  throw new ValidationError({
    code: 'invalid_row',
    message: `The row does not belong in ${table}: ${problems.join('; ')}`,
    details: problems.join('\n'),
  })
}
