import { readFile } from 'node:fs/promises'
import { App } from '@supabase/lite'
import { createPostgresConnection } from '@supabase/lite/postgres'
import postgres from 'postgres'
import { databaseUrl } from './urls.ts'

/** What the services sign in as. */
const serviceRoles = [
  'authenticator',
  'supabase_auth_admin',
  'supabase_storage_admin',
  'supabase_realtime_admin',
]

/** Turns a new, empty server into what a new hosted project is. */
export async function bootstrap(dbPort: number, internalPassword: string): Promise<void> {
  const admin = postgres(databaseUrl(dbPort, 'supabase_admin', internalPassword), {
    max: 1,
    onnotice: () => {},
  })
  try {
    await admin.unsafe(await sqlFile('project.sql'))
    await admin.unsafe(await sqlFile('realtime.sql'))
    await admin.unsafe(await sqlFile('storage.sql'))
    for (const role of serviceRoles) {
      await admin.unsafe(`alter role ${role} password '${internalPassword}'`)
    }
    await createAuthTables(databaseUrl(dbPort, 'supabase_auth_admin', internalPassword))
    await admin.unsafe(await sqlFile('auth.sql'))
  } finally {
    await admin.end()
  }
}

async function createAuthTables(url: string): Promise<void> {
  const connection = createPostgresConnection({
    url,
    postgresOptions: { max: 1, onnotice: () => {} },
  })
  try {
    const app = new App({
      connection,
      auth: {
        enabled: true,
        jwt_secret: 'not used to make tables, but required to be long enough',
      },
      db: { migrations: { enabled: false } },
    })
    await app.ensureSystemSchema()
  } finally {
    await connection.close()
  }
}

function sqlFile(name: string): Promise<string> {
  return readFile(new URL(`sql/${name}`, import.meta.url), 'utf8')
}
