import { App } from '@supabase/lite'
import { createPostgresConnection } from '@supabase/lite/postgres'
import type { MiddlewareHandler } from 'hono'
import type postgres from 'postgres'
import { databaseUrl } from '../urls.ts'
import type { GatewayOptions } from './options.ts'
import { printedTypes } from './types.ts'

export interface Lite {
  auth(request: Request): Promise<Response>
  rest(request: Request): Promise<Response>
  /** To be called when the schema has changed. */
  reload(): void
}

/** Auth and the Data API for tables, each signed in as the role that it has on a hosted project. */
export function createLite({ port, dbPort, keys }: GatewayOptions): Lite {
  const connect = (role: string, password: string, options: postgres.Options<{}>) =>
    createPostgresConnection({
      url: databaseUrl(dbPort, role, password),
      postgresOptions: { onnotice: () => {}, ...options },
    })
  const secrets = {
    jwt_secret: keys.jwtSecret,
    publishable_key: keys.publishable,
    secret_key: keys.secret,
  }
  const db = { migrations: { enabled: false } }

  const auth = new App({
    connection: connect('supabase_auth_admin', keys.internalPassword, { max: 5 }),
    auth: {
      enabled: true,
      site_url: `http://127.0.0.1:${port}`,
      email: { enable_confirmations: false },
      ...secrets,
    },
    db,
  })

  const tables = connect('authenticator', keys.internalPassword, { max: 10, types: printedTypes })
  // It would otherwise grant every table to every role, which a hosted project does not.
  Object.assign(tables, { rlsState: 'active' })
  // The authenticator has no tables of its own to see; the owner sees them all.
  const schema = connect('postgres', 'postgres', { max: 1 })
  // One look serves all requests until the next change. What an earlier look brings only serves those who
  // wait for it: kept, it would hide the change.
  let look: ReturnType<typeof schema.introspect> | undefined
  tables.introspect = async () => {
    look ??= schema.introspect()
    const found = await look
    // It reports a failure as a database without tables.
    if (found.tables.length === 0) look = undefined
    return found
  }
  const rest = new App({
    connection: tables,
    auth: { enabled: false, ...secrets },
    api: { schemas: ['public'], max_rows: 1000 },
    db,
    options: { server: { middlewares: [trustTokens] } },
  })

  async function isKnown(path: string): Promise<boolean> {
    const [first, second] = path.replace('/rest/v1/', '').split('/').map(decodeURIComponent)
    const { tables: found, views, functions = [] } = await tables.introspect()
    return first === 'rpc'
      ? functions.some(({ name }) => name === second)
      : [...found, ...views].some(({ name }) => name === first)
  }

  return {
    auth: (request) => auth.fetch(request),
    async rest(request) {
      // The news of a table made a moment ago may still be on its way.
      if (!(await isKnown(new URL(request.url).pathname))) look = undefined
      return rest.fetch(request)
    },
    reload() {
      look = undefined
    },
  }
}

/** As PostgREST does, the Data API checks a token's signature and never looks its session up. */
const trustTokens: MiddlewareHandler = async (context, next) => {
  const known = async () => ({})
  context.set('authService', { repo: { findUserById: known, findSessionById: known } })
  await next()
}
