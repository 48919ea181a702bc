import { createServer, type IncomingMessage, type Server, type ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import { App } from '@supabase/lite'
import { createPostgresConnection } from '@supabase/lite/postgres'
import type { MiddlewareHandler } from 'hono'
import postgres from 'postgres'
import { identify, Refusal } from './access.ts'
import { verifyFunctionCall, proxy } from './functions.ts'
import type { Keys } from './keys.ts'
import { Rpc } from './rpc.ts'
import { databaseUrl } from './urls.ts'

export interface GatewayOptions {
  port: number
  dbPort: number
  /** Where the functions listen; undefined when the stack serves none. */
  functionsPort: number | undefined
  keys: Keys
}

export interface Gateway {
  stop(): Promise<void>
}

/** One address for everything, with the paths of a hosted project. */
export async function startGateway({
  port,
  dbPort,
  functionsPort,
  keys,
}: GatewayOptions): Promise<Gateway> {
  const apiUrl = `http://127.0.0.1:${port}`
  const as = (user: string, password = keys.internalPassword) => databaseUrl(dbPort, user, password)
  const quiet = { onnotice: () => {} }
  const keyConfig = {
    jwt_secret: keys.jwtSecret,
    publishable_key: keys.publishable,
    secret_key: keys.secret,
  }

  const authConnection = createPostgresConnection({
    url: as('supabase_auth_admin'),
    postgresOptions: { max: 5, ...quiet },
  })
  const auth = new App({
    connection: authConnection,
    auth: { enabled: true, site_url: apiUrl, email: { enable_confirmations: false }, ...keyConfig },
    db: { migrations: { enabled: false } },
  })

  const restConnection = createPostgresConnection({
    url: as('authenticator'),
    postgresOptions: { max: 10, ...quiet },
  })
  // It would otherwise grant every table to every role, which a hosted project does not.
  Object.assign(restConnection, { rlsState: 'active' })
  // The authenticator sees no tables of its own; the owner sees them all.
  const schemaConnection = createPostgresConnection({
    url: as('postgres', 'postgres'),
    postgresOptions: { max: 1, ...quiet },
  })
  restConnection.introspect = (options) => schemaConnection.introspect(options)
  const rest = new App({
    connection: restConnection,
    auth: { enabled: false, ...keyConfig },
    db: { migrations: { enabled: false } },
    options: { server: { middlewares: [trustTokens] } },
  })

  const rpcConnection = postgres(as('authenticator'), { max: 20, ...quiet })
  const rpc = new Rpc(rpcConnection)

  const listener = postgres(as('postgres', 'postgres'), { max: 1, ...quiet })
  await listener.listen('pgrst', () => {
    rpc.reload()
    void schemaConnection.clearSchemaCache()
    void restConnection.clearSchemaCache()
  })

  const serveAuth = getRequestListener((request) => auth.fetch(request))
  const serveRest = getRequestListener((request) => rest.fetch(request))

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', apiUrl)
    if (url.pathname.startsWith('/functions/v1/')) {
      if (functionsPort === undefined)
        throw new Refusal(503, { message: 'This stack serves no functions' })
      if (request.method !== 'OPTIONS') await verifyFunctionCall(keys, url, request.headers)
      return proxy(request, response, functionsPort)
    }
    if (url.pathname.startsWith('/auth/v1/')) return void serveAuth(request, response)
    const name = /^\/rest\/v1\/rpc\/([^/]+)$/.exec(url.pathname)?.[1]
    if (!name || request.method === 'OPTIONS') return void serveRest(request, response)

    const caller = await identify(
      keys,
      header(request, 'apikey') ?? url.searchParams.get('apikey') ?? undefined,
      request.headers.authorization,
    )
    url.searchParams.delete('apikey')
    const method = request.method ?? 'GET'
    if (!['GET', 'HEAD', 'POST'].includes(method)) {
      throw new Refusal(405, {
        code: 'PGRST101',
        message: `Cannot use the ${method} method on RPC`,
        details: null,
        hint: null,
      })
    }
    const body = await read(request)
    const answer = await rpc.call(caller, {
      name: decodeURIComponent(name),
      method,
      query: url.searchParams,
      headers: Object.fromEntries(
        Object.keys(request.headers).map((key) => [key, header(request, key)!]),
      ),
      body: body.toString('utf8'),
    })
    if (answer) return send(response, answer.status, answer.headers, answer.body)
    const again = new Request(url, {
      method,
      headers: new Headers(
        Object.entries(request.headers).map(([key, value]) => [key, String(value)]),
      ),
      ...(method === 'POST' ? { body: new Uint8Array(body) } : {}),
    })
    const rows = await rest.fetch(again)
    send(
      response,
      rows.status,
      Object.fromEntries(rows.headers),
      Buffer.from(await rows.arrayBuffer()),
    )
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      if (response.headersSent) return response.destroy()
      if (error instanceof Refusal)
        return send(response, error.status, {}, JSON.stringify(error.body))
      console.error(error)
      send(response, 500, {}, JSON.stringify({ message: 'The gateway failed, see its output' }))
    })
  })
  await listen(server, port)

  return {
    async stop() {
      server.closeAllConnections()
      await new Promise((resolve) => server.close(resolve))
      await Promise.all([
        listener.end({ timeout: 1 }),
        rpcConnection.end({ timeout: 1 }),
        authConnection.driver.end({ timeout: 1 }),
        restConnection.driver.end({ timeout: 1 }),
        schemaConnection.driver.end({ timeout: 1 }),
      ])
    },
  }
}

/** As PostgREST, the Data API looks at a token's signature and never asks whether its session still exists. */
const trustTokens: MiddlewareHandler = async (context, next) => {
  const known = async () => ({})
  context.set('authService', { repo: { findUserById: known, findSessionById: known } })
  await next()
}

const openToBrowsers = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Content-Range, Content-Location, Preference-Applied',
}

function send(
  response: ServerResponse,
  status: number,
  headers: Record<string, string>,
  body: Buffer | string,
): void {
  const type = { 'content-type': 'application/json; charset=utf-8' }
  const length = status === 204 ? {} : { 'content-length': Buffer.byteLength(body) }
  response.writeHead(status, {
    ...openToBrowsers,
    ...(status === 204 ? {} : type),
    ...headers,
    ...length,
  })
  response.end(body)
}

async function read(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

function header(request: IncomingMessage, name: string): string | undefined {
  const value = request.headers[name]
  return Array.isArray(value) ? value.join(', ') : value
}

async function listen(server: Server, port: number): Promise<void> {
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
}
