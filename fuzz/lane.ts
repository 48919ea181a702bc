import postgres, { type Sql } from 'postgres'

/** One connection. What it is given in one call is one round trip and, outside of begin, one transaction. */
export class Lane {
  readonly #sql: Sql

  constructor(sql: Sql) {
    this.#sql = sql
  }

  /** The value of the only column of each statement that answers with exactly one row, in order. */
  async run(text: string): Promise<unknown[]> {
    const answer = (await this.#sql.unsafe(text).simple()) as unknown as Record<string, unknown>[][]
    const results = Array.isArray(answer[0])
      ? answer
      : [answer as unknown as Record<string, unknown>[]]
    return results.flatMap((rows) => (rows.length === 1 ? Object.values(rows[0]!) : []))
  }
}

/** The statements as the API runs them for a signed-in user, until `asOwner` or the transaction's end. */
export const as = (user: string): string =>
  `set local role authenticated; set local request.jwt.claims = '{"sub":"${user}","role":"authenticated"}'; `

export const asOwner = `reset role; set local request.jwt.claims = ''; `

/** A value as an SQL literal; objects and arrays as json. */
export function literal(value: unknown): string {
  if (value === null || value === undefined) return 'null'
  const text = typeof value === 'object' ? JSON.stringify(value) : String(value as string | number)
  return `'${text.replaceAll("'", "''")}'`
}

/** An array literal of plain words. */
export const words = (list: readonly string[]): string =>
  literal(`{${list.map((word) => `"${word}"`).join(',')}}`)

/** Whether a call failed only because another transaction held what it needed: to be tried again. */
export const isBlocked = (error: unknown): boolean =>
  error instanceof postgres.PostgresError && ['55P03', '40P01'].includes(error.code)
