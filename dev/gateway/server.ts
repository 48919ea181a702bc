import { createServer, type IncomingMessage, type ServerResponse } from 'node:http'
import { getRequestListener } from '@hono/node-server'
import postgres from 'postgres'
import { databaseUrl } from '../urls.ts'
import { identify, Refusal } from './access.ts'
import { allow, headersOf, openToBrowsers, readBody, send } from './http.ts'
import { createLite } from './lite.ts'
import { createPage } from './page.ts'
import type { GatewayOptions } from './options.ts'
import { proxy, verifyFunctionCall } from './proxy.ts'
import { serveRealtime } from '../realtime/server.ts'
import { Rpc } from './rpc.ts'
import { createStorage } from './storage.ts'

/** One address for everything, with the paths of a hosted project. */
export async function startGateway(options: GatewayOptions): Promise<void> {
  const { port, dbPort, functionsPort, keys } = options
  const lite = createLite(options)
  const rpc = new Rpc(
    postgres(databaseUrl(dbPort, 'authenticator', keys.internalPassword), {
      max: 10,
      onnotice: () => {},
    }),
  )
  const listener = postgres(databaseUrl(dbPort, 'postgres', 'postgres'), { max: 1 })
  await listener.listen('pgrst', () => {
    rpc.reload()
    lite.reload()
  })
  const serveAuth = getRequestListener(lite.auth)
  const serveTables = getRequestListener(lite.rest)
  const servePage =
    options.page &&
    createPage(options.page, {
      dbUrl: databaseUrl(dbPort, 'postgres', 'postgres'),
      key: keys.publishable,
      port,
    })
  const serveObjects = getRequestListener(createStorage(options))

  async function serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const url = new URL(request.url ?? '/', `http://127.0.0.1:${port}`)
    const preflight = request.method === 'OPTIONS'
    if (url.pathname.startsWith('/functions/v1/')) {
      if (!functionsPort) throw new Refusal(503, { message: 'This stack serves no functions' })
      if (!preflight) await verifyFunctionCall(keys, request.headers)
      return proxy(request, response, functionsPort)
    }
    if (preflight) return allow(request, response)
    if (url.pathname.startsWith('/auth/v1/')) {
      openToBrowsers(response)
      return void serveAuth(request, response)
    }
    if (url.pathname.startsWith('/storage/v1/')) return void serveObjects(request, response)
    if (url.pathname.startsWith('/rest/v1/')) return serveRest(url, request, response)
    if (await servePage?.(url, request, response)) return
    throw new Refusal(404, { message: 'no Route matched with those values' })
  }

  async function serveRest(url: URL, request: IncomingMessage, response: ServerResponse) {
    const headers = headersOf(request)
    const apikey = headers.apikey ?? url.searchParams.get('apikey') ?? undefined
    const caller = await identify(keys, apikey, headers.authorization)
    const name = /^\/rest\/v1\/rpc\/([^/]+)$/.exec(url.pathname)?.[1]
    if (name === undefined) return void serveTables(request, response)

    const method = request.method ?? 'GET'
    const body = await readBody(request)
    const answer = await rpc.call(caller, {
      name: decodeURIComponent(name),
      method,
      query: without(url.searchParams, 'apikey'),
      headers,
      body: body.toString('utf8'),
    })
    if (answer) return send(response, answer)

    // A function that returns rows, with the filters that a table has.
    const content = method === 'POST' ? { body: new Uint8Array(body) } : {}
    const rows = await lite.rest(new Request(url, { method, headers, ...content }))
    send(response, {
      status: rows.status,
      headers: Object.fromEntries(rows.headers),
      body: Buffer.from(await rows.arrayBuffer()),
    })
  }

  const server = createServer((request, response) => {
    serve(request, response).catch((error: unknown) => {
      if (response.headersSent) return response.destroy()
      if (error instanceof Refusal) {
        return send(response, { status: error.status, body: JSON.stringify(error.body) })
      }
      console.error(error)
      send(response, { status: 500, body: '{"message":"The gateway failed, see gateway.log"}' })
    })
  })
  await serveRealtime(server, dbPort, keys)
  await new Promise<void>((resolve, reject) => {
    server.once('error', reject)
    server.listen(port, '127.0.0.1', resolve)
  })
}

function without(query: URLSearchParams, name: string): URLSearchParams {
  const rest = new URLSearchParams(query)
  rest.delete(name)
  return rest
}
