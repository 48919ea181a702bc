import { readFile } from 'node:fs/promises'
import type { IncomingMessage, ServerResponse } from 'node:http'
import { extname, join, normalize, sep } from 'node:path'
import { applyOnce } from '../migrate.ts'
import { Refusal } from './access.ts'
import { send } from './http.ts'

/** The playground, as `npm start` serves it. */
export interface PageOptions {
  /** Where it is built. */
  folder: string
  /** The tables it plays with, a file of SQL. */
  schema: string
  /** What that file is recorded as. */
  schemaName: string
}

const types: Record<string, string> = {
  '.html': 'text/html; charset=utf-8',
  '.js': 'text/javascript; charset=utf-8',
  '.css': 'text/css; charset=utf-8',
}

/** Any project may be talked to, since URL and key are all that the page needs; all else comes from here. */
const policy =
  "default-src 'self'; connect-src *; img-src 'self' data:; style-src 'self' 'unsafe-inline'"

const building = `<!doctype html><html lang="en"><head><meta charset="utf-8"><meta http-equiv="refresh" content="1">
<title>Tidemark playground</title></head><body><p>The page is being built; it appears by itself.</p></body></html>`

/**
 * Answers what the page asks for: itself, the key of this stack, and, asked by a `POST` from the page, for
 * its tables to be added. Resolves to false where a request is not for it.
 */
export function createPage(
  { folder, schema, schemaName }: PageOptions,
  { dbUrl, key, port }: { dbUrl: string; key: string; port: number },
) {
  const own = new Set([`http://127.0.0.1:${port}`, `http://localhost:${port}`])

  async function serveFile(path: string, response: ServerResponse): Promise<boolean> {
    const file = normalize(join(folder, path))
    if (!file.startsWith(folder + sep)) return false
    const body = await readFile(file).catch(() => undefined)
    if (!body && path !== 'index.html') return false
    const hashed = path.startsWith('assets/')
    send(response, {
      status: 200,
      headers: {
        'content-type': (body && types[extname(file)]) ?? types['.html']!,
        'cache-control': hashed ? 'max-age=31536000, immutable' : 'no-cache',
        'content-security-policy': policy,
      },
      body: body ?? building,
    })
    return true
  }

  return async (
    { pathname }: URL,
    { method, headers }: IncomingMessage,
    response: ServerResponse,
  ): Promise<boolean> => {
    if (method === 'POST' && pathname === '/playground/tables') {
      // Other pages of the same browser have no business here.
      if (!headers.origin || !own.has(headers.origin))
        throw new Refusal(403, { message: 'Only the playground itself may ask for its tables' })
      await applyOnce(dbUrl, schema, schemaName)
      send(response, { status: 200, body: '{}' })
      return true
    }
    if (method !== 'GET' && method !== 'HEAD') return false
    if (pathname === '/playground/project.json') {
      send(response, { status: 200, body: JSON.stringify({ key }) })
      return true
    }
    if (pathname === '/') return serveFile('index.html', response)
    return pathname.startsWith('/assets/') && serveFile(pathname.slice(1), response)
  }
}
