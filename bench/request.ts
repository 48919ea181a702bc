import { randomUUID } from 'node:crypto'
import type { Sql } from 'postgres'
import { timed } from './measure.ts'

/** A statement as one user, sent and committed as the gateway does it, without the gateway. */
interface Statement {
  user: string
  query: string
  values?: string[]
  /** Gets the first column of the first row, outside of the measured time. */
  check?: (answer: string) => void
}

/** Resolves to the milliseconds from sending the request to having the answer. */
export async function request(
  sql: Sql,
  { user, query, values = [], check }: Statement,
): Promise<number> {
  const settings = [
    ['search_path', 'public, extensions'],
    ['request.jwt.claims', JSON.stringify({ sub: user, role: 'authenticated' })],
    ['role', 'authenticated'],
  ]
  const set = settings.map((_, i) => `set_config($${2 * i + 1}, $${2 * i + 2}, true)`).join(', ')
  const connection = await sql.reserve()
  try {
    let rows: unknown[] = []
    const time = await timed(async () => {
      // The commit too is part of what a write costs.
      const results = await Promise.all([
        connection.unsafe('begin'),
        connection.unsafe(`select ${set}`, settings.flat(), { prepare: true }),
        connection.unsafe(query, values, { prepare: true }).raw(),
        connection.unsafe('commit'),
      ])
      rows = results[2]
    })
    check?.(String((rows[0] as Buffer[] | undefined)?.[0] ?? ''))
    return time
  } finally {
    connection.release()
  }
}

/** What a device pushes, and how it pulls. */
export function device(sql: Sql, user: string) {
  const id = randomUUID()
  let seq = 0
  return {
    id,
    /** The next edits of this device, numbered. */
    mutations(edits: object[]): string {
      const edited_at = new Date().toISOString()
      return JSON.stringify(edits.map((edit) => ({ seq: ++seq, ...edit, edited_at })))
    },
    /** Fails unless every edit is answered with `expected`. */
    async push(
      mutations: string,
      expected = 'applied',
      told?: (answer: string) => void,
    ): Promise<number> {
      return request(sql, {
        user,
        query: 'select sync_push(device_id => $1::text::uuid, mutations => $2::text::json)::text',
        values: [id, mutations],
        check: (answer) => {
          told?.(answer)
          const { results } = JSON.parse(answer) as { results: { status: string }[] }
          const odd = results.find(({ status }) => status !== expected)
          if (odd) throw new Error(`a push was answered ${JSON.stringify(odd)}`)
        },
      })
    },
    async pull(cursor: unknown, limit: number, check?: (page: Page) => void): Promise<number> {
      return request(sql, {
        user,
        query:
          'select sync_pull(device_id => $1::text::uuid, "cursor" => $2::text::json, options => $3::text::json)::text',
        values: [id, JSON.stringify(cursor ?? null), JSON.stringify({ limit })],
        check: (answer) => check?.(JSON.parse(answer) as Page),
      })
    },
    /** The cursor of a device that holds everything. */
    async upToDate(): Promise<unknown> {
      let cursor: unknown
      for (let more = true; more;) {
        await this.pull(cursor, 10_000, (page) => ({ cursor, more } = page))
      }
      return cursor
    },
  }
}

export interface Page {
  changes: { upsert: unknown[]; remove: string[] }[]
  cursor: unknown
  more: boolean
}

export function countOf({ changes }: Page): { upserts: number; removes: number } {
  return {
    upserts: changes.reduce((sum, { upsert }) => sum + upsert.length, 0),
    removes: changes.reduce((sum, { remove }) => sum + remove.length, 0),
  }
}

/** Fails unless both are equal: a fast answer is worth nothing if it is the wrong one. */
export function expectCount(what: string, found: number, wanted: number): void {
  if (found !== wanted) throw new Error(`${what}: ${found}, and ${wanted} were expected`)
}
