import { App } from '@supabase/lite'
import { createPostgresConnection } from '@supabase/lite/postgres'
import { databaseUrl } from '../urls.ts'
import { filesOf } from './objects.ts'
import type { GatewayOptions } from './server.ts'

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
  return (request: Request): Promise<Response> => Promise.resolve(app.fetch(request))
}
