import { randomUUID } from 'node:crypto'
import { appendFile, mkdir, readFile, rm, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'

const ROUTE = '/storage/v1/upload/resumable'
const COMMON = {
  'tus-resumable': '1.0.0',
  'cache-control': 'no-store',
  'access-control-allow-origin': '*',
  'access-control-expose-headers': 'Location, Upload-Offset, Upload-Length, Tus-Resumable',
}

interface Upload {
  length: number
  upsert: string
  /** `bucketName`, `objectName`, `contentType`. */
  fields: Record<string, string>
}

/**
 * Resumable uploads (TUS): chunks are gathered in a file, and the last one hands the whole over to
 * `store` as an ordinary upload of the caller's, whose policies are asked then. Undefined for requests of
 * other routes.
 */
export function resumable(folder: string, store: (request: Request) => Promise<Response>) {
  const fileOf = (id: string): string => join(folder, id)
  const reply = (status: number, headers: Record<string, string> = {}, body?: string): Response =>
    new Response(body ?? null, { status, headers: { ...COMMON, ...headers } })

  async function create(request: Request): Promise<Response> {
    const length = Number(request.headers.get('upload-length') ?? NaN)
    const fields = fieldsOf(request.headers.get('upload-metadata') ?? '')
    if (!(length >= 0) || !fields.bucketName || !fields.objectName)
      return reply(400, {}, 'upload-length or upload-metadata is missing')
    const id = randomUUID()
    const upload: Upload = { length, fields, upsert: request.headers.get('x-upsert') ?? 'false' }
    await mkdir(folder, { recursive: true })
    await writeFile(fileOf(id), '')
    await writeFile(`${fileOf(id)}.json`, JSON.stringify(upload))
    return reply(201, { location: `${ROUTE}/${id}` })
  }

  async function append(request: Request, id: string, upload: Upload): Promise<Response> {
    const file = fileOf(id)
    const { size } = await stat(file)
    if (Number(request.headers.get('upload-offset')) !== size) return reply(409)
    const chunk = new Uint8Array(await request.arrayBuffer())
    await appendFile(file, chunk)
    const offset = size + chunk.byteLength
    if (offset < upload.length) return reply(204, { 'upload-offset': String(offset) })
    const { bucketName, objectName, contentType = 'application/octet-stream' } = upload.fields
    const headers = new Headers({ 'content-type': contentType, 'x-upsert': upload.upsert })
    for (const name of ['authorization', 'apikey']) {
      const value = request.headers.get(name)
      if (value) headers.set(name, value)
    }
    const path = objectName!.split('/').map(encodeURIComponent).join('/')
    const url = new URL(`/storage/v1/object/${bucketName}/${path}`, request.url)
    const stored = await store(
      new Request(url, { method: 'POST', headers, body: new Uint8Array(await readFile(file)) }),
    )
    await rm(file)
    await rm(`${file}.json`)
    return stored.ok ? reply(204, { 'upload-offset': String(offset) }) : stored
  }

  return async (request: Request): Promise<Response | undefined> => {
    const { pathname } = new URL(request.url)
    if (pathname === ROUTE && request.method === 'POST') return create(request)
    const id = pathname.startsWith(`${ROUTE}/`) && pathname.slice(ROUTE.length + 1)
    if (!id) return undefined
    const upload = /^[0-9a-f-]{36}$/.test(id)
      ? await readFile(`${fileOf(id)}.json`, 'utf8').catch(() => undefined)
      : undefined
    if (!upload) return reply(404)
    const known = JSON.parse(upload) as Upload
    if (request.method === 'PATCH') return append(request, id, known)
    if (request.method !== 'HEAD') return reply(405)
    const { size } = await stat(fileOf(id))
    return reply(200, { 'upload-offset': String(size), 'upload-length': String(known.length) })
  }
}

/** `name value-in-base64, …` */
const fieldsOf = (metadata: string): Record<string, string> =>
  Object.fromEntries(
    metadata.split(',').map((pair) => {
      const [name = '', value = ''] = pair.trim().split(' ')
      return [name, Buffer.from(value, 'base64').toString('utf8')]
    }),
  )
