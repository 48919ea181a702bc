import { randomUUID } from 'node:crypto'
import { ok, rpc, type Result } from '../../support/calls.ts'

export type Row = Record<string, unknown> & { id: string | number }

export interface Page {
  changes: { scope: string; table: string; upsert: Row[]; remove: string[] }[]
  joined: string[]
  left: string[]
  cursor: Record<string, unknown> | null
  more: boolean
  reset?: boolean
  progress?: { done: number; total: number }
}

/** What calls the database: through the API, or over a connection of the test's own. */
export type Call = (name: string, args: Record<string, unknown>) => Promise<unknown>

export const through =
  (accessToken: string): Call =>
  async (name, args) =>
    ok(await rpc(accessToken, name, args))

/** A device that does what docs/protocol says, and nothing cleverer. */
export class Phone {
  readonly id = randomUUID()
  /** `table` → `id` → the row and the scope it is held under. */
  readonly held = new Map<string, Map<string, { scope: string; row: Row }>>()
  cursor: Record<string, unknown> | null = null
  /** Every page so far, the oldest first. */
  readonly pages: Page[] = []
  resets = 0
  #seq = 0
  readonly #call: Call
  readonly #tables: string[]

  constructor(call: Call, tables: string[]) {
    this.#call = call
    this.#tables = tables
    for (const table of tables) this.held.set(table, new Map())
  }

  /** Takes one page in; resolves to whether there is more. */
  async page(limit = 1000): Promise<boolean> {
    const page = (await this.#call('sync_pull', {
      device_id: this.id,
      cursor: this.cursor,
      options: { limit, tables: this.#tables },
    })) as Page
    this.take(page)
    return page.more
  }

  take(page: Page): void {
    this.pages.push(page)
    if (page.reset) {
      this.resets++
      for (const rows of this.held.values()) rows.clear()
    }
    for (const rows of this.held.values())
      for (const [id, { scope }] of rows) if (page.left.includes(scope)) rows.delete(id)
    for (const { scope, table, upsert, remove } of page.changes) {
      const rows = this.held.get(table)!
      for (const id of remove) if (rows.get(id)?.scope === scope) rows.delete(id)
      for (const row of upsert) rows.set(String(row.id), { scope, row })
    }
    this.cursor = page.cursor
  }

  /** Everything that is visible now. */
  async drain(limit = 1000): Promise<void> {
    for (let pages = 0; await this.page(limit); pages++)
      if (pages > 10_000) throw new Error('there is always more')
  }

  push(...mutations: Record<string, unknown>[]): Promise<Result[]> {
    return this.#call('sync_push', {
      device_id: this.id,
      mutations: mutations.map((mutation) => ({ seq: ++this.#seq, ...mutation })),
    }).then((answer) => (answer as { results: Result[] }).results)
  }

  /** What it shows its user: rows of a table by id. */
  rows(table: string): Record<string, Row> {
    const rows = [...this.held.get(table)!].sort(([a], [b]) => (a < b ? -1 : 1))
    return Object.fromEntries(rows.map(([id, { row }]) => [id, row]))
  }

  /** The pages since then. */
  since(pages: number): { joined: string[]; left: string[]; upserts: number; removes: number } {
    const news = this.pages.slice(pages)
    return {
      joined: news.flatMap(({ joined }) => joined),
      left: news.flatMap(({ left }) => left),
      upserts: news.flatMap(({ changes }) => changes.flatMap(({ upsert }) => upsert)).length,
      removes: news.flatMap(({ changes }) => changes.flatMap(({ remove }) => remove)).length,
    }
  }
}
