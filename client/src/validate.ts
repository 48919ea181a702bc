import { ValidationError } from './errors.ts'
import type { Row } from './row.ts'
import type { Id, Table } from './table.ts'

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
 * A table that lets only rows in that pass. A write that does not throws a `ValidationError`, code
 * `invalid_row`, with one line a problem as its details; nothing is stored or queued. Rows from the server
 * are taken as they are: its constraints have passed them.
 */
export function validated(
  table: Table,
  name: string,
  validate: Validate,
  /** Which column is the key, where an update of a row that is not there creates it. */
  createKey?: string,
): Table {
  function check(row: Row, before: Row | null): void {
    const problems = problemsOf(validate, row, before)
    if (problems.length === 0) return
    throw new ValidationError({
      code: 'invalid_row',
      message: `The row does not belong in ${name}: ${problems.join('; ')}`,
      details: problems.join('\n'),
    })
  }
  return {
    ...table,
    async insert(row, options) {
      check(row, null)
      return table.insert(row, options)
    },
    async insertMany(rows, options) {
      for (const row of rows) check(row, null)
      return table.insertMany(rows, options)
    },
    async update(id: Id, patch, options) {
      const before = await table.get(id)
      // Where there is no such row the update says so.
      if (before) check({ ...before, ...patch }, before)
      else if (createKey) check({ ...patch, [createKey]: id }, null)
      return table.update(id, patch, options)
    },
  }
}
