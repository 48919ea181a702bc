import { ValidationError } from './errors.ts'
import type { Row } from './row.ts'

/** A schema of zod, or of another library with the same `safeParse`. */
export interface SchemaLike {
  safeParse(value: unknown):
    | { success: true }
    | {
        success: false
        error: { issues: readonly { path: readonly PropertyKey[]; message: string }[] }
      }
}

/**
 * A rule of the app. It returns or throws the problems of a row, and returns nothing for a valid row. `before`
 * is the row before the write, null for a new row.
 */
export type Rule = (row: Row, before: Row | null) => string | readonly string[] | void

/** The checks that a row must pass before it is written on this device: schemas and rules. */
export type Validate = SchemaLike | Rule | readonly (SchemaLike | Rule)[]

/**
 * The problems of a row as texts. A schema checks the whole row after the write; values that the schema
 * transforms are not used.
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
 * Throws a `ValidationError` with code `invalid_row` where a row of `table` is not valid. Its details have one
 * line for each problem.
 */
export function assertValid(validate: Validate, table: string, row: Row, before: Row | null): void {
  const problems = problemsOf(validate, row, before)
  if (problems.length === 0) return
  throw new ValidationError({
    code: 'invalid_row',
    message: `The row of ${table} is not valid: ${problems.join('; ')}`,
    details: problems.join('\n'),
  })
}
