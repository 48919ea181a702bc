import { randomUUID } from 'node:crypto'
import { stack, type TestUser } from '../../dev/testing.ts'

export interface Answer {
  status: number
  // Tests look into answers of all kinds, errors and pages alike.
  body: Record<string, unknown> & { message?: string; code?: string; details?: string }
}

/** What is sent as `Authorization`; null for nothing. */
export type Token = string | null

/** A database function through the gateway. */
export const rpc = (token: Token, name: string, args: unknown): Promise<Answer> =>
  post(`${stack().api_url}/rest/v1/rpc/${name}`, token, args)

/** An edge function through the gateway. */
export const edge = (token: Token, name: string, args: unknown): Promise<Answer> =>
  post(`${stack().functions_url}/${name}`, token, args)

/** A body that is a string goes out as it is. */
async function post(url: string, token: Token, body: unknown): Promise<Answer> {
  const response = await fetch(url, {
    method: 'POST',
    headers: {
      apikey: stack().publishable_key,
      'content-type': 'application/json',
      ...(token !== null && { authorization: `Bearer ${token}` }),
    },
    body: typeof body === 'string' ? body : JSON.stringify(body),
  })
  const text = await response.text()
  return { status: response.status, body: text === '' ? {} : (JSON.parse(text) as Answer['body']) }
}

export interface Change {
  scope: string
  table: string
  upsert: Record<string, unknown>[]
  remove: string[]
}

export interface Page {
  changes: Change[]
  cursor: Record<string, unknown>
  more: boolean
  reset?: boolean
}

export interface Result {
  seq: number
  status: string
  version?: number
  row?: Record<string, unknown>
  lost?: string[]
  error?: { code: string; message: string; hint: string }
}

/** The body of a call that must succeed. */
export function ok<T>({ status, body }: Answer): T {
  if (status !== 200) throw new Error(`${status} ${JSON.stringify(body)}`)
  return body as T
}

/** The arguments of `sync_pull`. */
export interface PullCall {
  device_id: string
  cursor: Record<string, unknown> | null
  options: { limit: number; tables: string[] }
}
export type Pull = (call: PullCall) => Promise<Page>

const throughGateway =
  ({ accessToken }: TestUser): Pull =>
  async (call) =>
    ok<Page>(await rpc(accessToken, 'sync_pull', call))

/** The smallest possible device: rows by id, a cursor, nothing else. */
export class Puller {
  readonly rows = new Map<string, Record<string, unknown>>()
  /** How often each row came. */
  readonly deliveries = new Map<string, number>()
  readonly device = randomUUID()
  cursor: Record<string, unknown> | null = null
  readonly #table: string
  readonly #pull: Pull

  /** `pull` answers a page; through the gateway by default. */
  constructor(user: TestUser, table: string, pull: Pull = throughGateway(user)) {
    this.#table = table
    this.#pull = pull
  }

  /** Takes one page in, as the protocol says; resolves to whether there is more. */
  async page(limit = 1000, pull = this.#pull): Promise<boolean> {
    const page = await pull({
      device_id: this.device,
      cursor: this.cursor,
      options: { limit, tables: [this.#table] },
    })
    if (page.reset) throw new Error('reset')
    for (const { upsert, remove } of page.changes) {
      for (const row of upsert) {
        const id = String(row.id)
        this.rows.set(id, row)
        this.deliveries.set(id, (this.deliveries.get(id) ?? 0) + 1)
      }
      for (const id of remove) this.rows.delete(id)
    }
    this.cursor = page.cursor
    return page.more
  }

  /** Everything that is visible now. */
  async drain(limit = 1000, pull = this.#pull): Promise<void> {
    while (await this.page(limit, pull));
  }
}
