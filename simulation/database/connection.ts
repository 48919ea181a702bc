import postgres, { type Sql } from 'postgres'

/** One connection. What it is given in one call is one round trip and, outside of begin, one transaction. */
export class Connection {
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

  async end(): Promise<void> {
    await this.#sql.end({ timeout: 1 })
  }
}

/** One session. */
export function connect(url: string, settings: postgres.ConnectionParameters | {} = {}): Sql {
  return postgres(url, { max: 1, onnotice: () => {}, connection: settings })
}

/** The same server's address of another database. */
export function addressOf(serverUrl: string, database: string): string {
  const url = new URL(serverUrl)
  url.pathname = `/${database}`
  return url.href
}
