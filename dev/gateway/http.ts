import type { IncomingMessage, ServerResponse } from 'node:http'

const headersForBrowsers = {
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Content-Range, Content-Location, Preference-Applied',
}

export interface Answer {
  status: number
  headers?: Record<string, string>
  body: Buffer | string
}

export function send(response: ServerResponse, { status, headers, body }: Answer): void {
  const content = {
    'content-type': 'application/json; charset=utf-8',
    'content-length': String(Buffer.byteLength(body)),
  }
  response.writeHead(status, { ...headersForBrowsers, ...(status !== 204 && content), ...headers })
  response.end(body)
}

/** Lets a browser read the answer, whoever gives it. */
export function openToBrowsers(response: ServerResponse): void {
  for (const [name, value] of Object.entries(headersForBrowsers)) response.setHeader(name, value)
}

/** Answers a browser that asks beforehand whether it may. */
export function allow(request: IncomingMessage, response: ServerResponse): void {
  response.writeHead(204, {
    ...headersForBrowsers,
    'access-control-allow-methods': 'GET, HEAD, POST, PUT, PATCH, DELETE, OPTIONS',
    'access-control-allow-headers': request.headers['access-control-request-headers'] ?? '*',
    'access-control-max-age': '86400',
  })
  response.end()
}

export async function readBody(request: IncomingMessage): Promise<Buffer> {
  const chunks: Buffer[] = []
  for await (const chunk of request) chunks.push(chunk as Buffer)
  return Buffer.concat(chunks)
}

export function headersOf(request: IncomingMessage): Record<string, string> {
  return Object.fromEntries(
    Object.entries(request.headers).map(([name, value]) => [
      name,
      Array.isArray(value) ? value.join(', ') : (value ?? ''),
    ]),
  )
}
