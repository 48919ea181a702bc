import { DatabaseSync } from 'node:sqlite'
import {
  autoResolve,
  resolvers,
  type Sync,
  sqliteStorage,
  syncSqlite,
} from '../../client/src/index.ts'
import { createSyncFromEnv, type Env } from '../../client/src/integrations/env/index.ts'
import type { StackInfo } from '../../dev/stack.ts'
import { say } from '../say.ts'

interface Account {
  email: string
  password: string
}

const tables = ['notifications', 'projects', 'settings']

/** The app as it starts anywhere: SQLite is all it needs. Sync appears where the environment names a project. */
async function start(name: string, database: DatabaseSync, env: Env, account: Account) {
  const storage = sqliteStorage(syncSqlite(database))
  const sync = createSyncFromEnv({ storage, tables, device: { name } }, env)
  autoResolve(sync, { notifications: resolvers.notification, projects: resolvers.project })
  const { error } = (await sync.supabase?.auth.signInWithPassword(account)) ?? {}
  if (error) await sync.supabase?.auth.signUp(account)
  return sync
}

/** A desktop app that has never heard of a cloud gets one, and then a second device. */
export async function main({ api_url, publishable_key }: StackInfo): Promise<void> {
  const account = { email: `${crypto.randomUUID()}@example.com`, password: crypto.randomUUID() }
  const state = async (sync: Sync) => (await sync.provider.validate()).status

  const file = new DatabaseSync(':memory:')
  let desktop = await start('desktop', file, {}, account)
  const note = await desktop.table('notifications').insert({ text: 'Build failed', read: false })
  const project = await desktop.table('projects').insert({ name: 'Tidal clock', status: 'active' })
  await desktop.table('settings').insert({ name: 'theme', value: { dark: true } })
  say('desktop', `${await state(desktop)}: 3 rows saved and read all the same`)
  await desktop.close()

  const env = { SUPABASE_URL: api_url, SUPABASE_ANON_KEY: publishable_key }
  desktop = await start('desktop', file, env, account)
  const seeded = await desktop.seed({
    onProgress: ({ percentage, message }) => say('desktop', `${message} (${percentage} %)`),
  })
  say('desktop', `${await state(desktop)}: ${seeded.pushed} rows seeded`)

  const phone = await start('phone', new DatabaseSync(':memory:'), env, account)
  const some = ['notifications', 'projects']
  const hydrated = await phone.hydrate({ tables: some })
  say('phone', `${hydrated.pulled} rows hydrated, of ${some.join(' and ')} alone`)
  const all = await phone.sync()
  say('phone', `${all.pulled} more with everything`)

  const id = note.id as string
  await phone.table('notifications').update(id, { text: 'Build failed twice', read: true })
  await desktop.table('notifications').update(id, { text: 'Build fails' })
  await desktop.table('projects').update(project.id as string, { status: 'done' })
  await phone.sync()
  phone.on('conflict_detected', ({ table }) => say('phone', `conflict in ${table}`))
  desktop.on('conflict_detected', ({ table }) => say('desktop', `conflict in ${table}`))
  await desktop.sync()
  await until(async () => (await desktop.conflicts.list()).length === 0)
  await desktop.sync()
  await phone.sync()
  const [mine, theirs] = await Promise.all(
    [desktop, phone].map((sync) => sync.table('notifications').get(id)),
  )
  say('both', `"${String(mine!.text)}", ${mine!.read ? 'read' : 'unread'}: read on one is read`)
  say('both', mine!.version === theirs!.version ? 'hold the same' : 'DIFFER')

  const devices = await desktop.devices.list()
  say('desktop', `the account's devices: ${devices.map(({ name }) => name).join(', ')}`)
  for (const sync of [desktop, phone]) await sync.close()
}

/** Resolvers work by themselves after a sync. */
async function until(done: () => Promise<boolean>): Promise<void> {
  while (!(await done())) await new Promise((resolve) => setTimeout(resolve, 10))
}
