import {
  request as httpRequest,
  type IncomingHttpHeaders,
  type IncomingMessage,
  type ServerResponse,
} from 'node:http'
import type { Keys } from '../keys.ts'
import { bearer, Refusal, verifyToken } from './access.ts'
import { send } from './http.ts'

/** What `verify_jwt` asks for: a user's token, or a key where nobody is signed in. */
export async function verifyFunctionCall(keys: Keys, headers: IncomingHttpHeaders): Promise<void> {
  const token = bearer(headers.authorization)
  if (!token) throw new Refusal(401, { code: 401, message: 'Missing authorization header' })
  if (token === keys.publishable || token === keys.secret) return
  await verifyToken(keys, token).catch(() => {
    throw new Refusal(401, { code: 401, message: 'Invalid JWT' })
  })
}

/** Bodies pass through as they come, compressed or not, in both directions. */
export function proxy(request: IncomingMessage, response: ServerResponse, port: number): void {
  const { method, url, headers } = request
  const upstream = httpRequest(
    { host: '127.0.0.1', port, method, path: url, headers },
    (answer) => {
      response.writeHead(answer.statusCode ?? 502, answer.headers)
      answer.pipe(response)
    },
  )
  upstream.on('error', () => {
    if (response.headersSent) return response.destroy()
    send(response, { status: 502, body: '{"message":"The functions do not answer"}' })
  })
  response.on('close', () => upstream.destroy())
  request.pipe(upstream)
}
