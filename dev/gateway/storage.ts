import { join } from 'node:path'
import { App } from '@supabase/lite'
import { createPostgresConnection } from '@supabase/lite/postgres'
import { databaseUrl } from '../urls.ts'
import { filesOf } from './objects.ts'
import { resumable } from './resumable.ts'
import type { GatewayOptions } from './options.ts'

/** Storage: objects in the stack's folder, and the policies of storage.objects over them. */
export function createStorage({ dbPort, keys, objectsDir }: GatewayOptions) {
  const connection = createPostgresConnection({
    url: databaseUrl(dbPort, 'supabase_storage_admin', keys.internalPassword),
    postgresOptions: { max: 5, onnotice: () => {} },
  })
  // It would otherwise take the rights of its tables in hand, which migrations do.
  Object.assign(connection, { rlsState: 'active' })
  const app = new App({
    connection,
    auth: {
      enabled: false,
      jwt_secret: keys.jwtSecret,
      publishable_key: keys.publishable,
      secret_key: keys.secret,
    },
    storage: { enabled: true, file_size_limit: '50MiB' },
    db: { migrations: { enabled: false } },
  })
  app._storageAdapter = filesOf(objectsDir)
  const store = async (request: Request): Promise<Response> => app.fetch(request)
  const inChunks = resumable(join(objectsDir, 'uploads'), store)
  return async (request: Request): Promise<Response> =>
    (await inChunks(request)) ?? (await store(await unwrapped(request)))
}

/** An upload by a form, which supabase-js makes of a Blob, as one of the bare content. */
async function unwrapped(request: Request): Promise<Request> {
  const upload = request.method === 'POST' || request.method === 'PUT'
  if (!upload || !request.headers.get('content-type')?.startsWith('multipart/form-data'))
    return request
  const form = await request.formData()
  const file = [...form.values()].find((value) => value instanceof Blob)
  const headers = new Headers(request.headers)
  headers.set('content-type', file?.type || 'application/octet-stream')
  headers.set('cache-control', `max-age=${String(form.get('cacheControl') ?? 3600)}`)
  headers.delete('content-length')
  const body = new Uint8Array((await file?.arrayBuffer()) ?? [])
  return new Request(request.url, { method: request.method, headers, body })
}
