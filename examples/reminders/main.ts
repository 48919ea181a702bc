import { mkdtemp, rm } from 'node:fs/promises'
import { DatabaseSync } from 'node:sqlite'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import type { SupabaseClient } from '@supabase/supabase-js'
import { createSync, sqliteStorage, syncSqlite } from '../../client/src/index.ts'
import type { StackInfo } from '../../dev/stack.ts'
import { switchedNetwork } from '../network.ts'
import { signUp } from '../person.ts'
import { say } from '../say.ts'

/** An app as it starts: it opens its file, sends what waits there, and fetches what is new. */
async function start(supabase: SupabaseClient, file: string, online = true) {
  const network = switchedNetwork(online)
  const database = new DatabaseSync(file)
  const sync = createSync({
    supabase,
    storage: sqliteStorage(syncSqlite(database)),
    tables: ['people', 'interactions', { name: 'reminders', priority: 'high' }],
    mode: ['auto', 'on-reconnect'],
    debounce: 50,
    network,
  })
  await sync.ready()
  return {
    sync,
    network,
    people: sync.table('people'),
    interactions: sync.table('interactions'),
    reminders: sync.table('reminders'),
    async end() {
      await sync.close()
      database.close()
    },
  }
}

/** A tablet loses its network and its battery with edits unsent. */
export async function main(info: StackInfo): Promise<void> {
  const folder = await mkdtemp(join(tmpdir(), 'reminders-'))
  try {
    await visit(info, folder)
  } finally {
    await rm(folder, { recursive: true })
  }
}

async function visit(info: StackInfo, folder: string): Promise<void> {
  const ada = await signUp(info, 'Ada')
  const client = await ada.signIn()
  const file = join(folder, 'tablet.db')

  let tablet = await start(client, file, false)
  const person = await tablet.people.insert({ name: 'Barbara' })
  const person_id = person.id
  await tablet.interactions.insert({ person_id, kind: 'call', notes: 'wants an offer' })
  const reminder = await tablet.reminders.insert({ person_id, due: '2026-12-01' })
  const mistaken = await tablet.reminders.insert({ person_id, due: '1926-12-01' })
  say(
    'tablet',
    `offline: ${tablet.sync.status().pending} edits saved and queued, then switched off`,
  )
  await tablet.end()

  tablet = await start(client, file, false)
  const waiting = (await tablet.sync.queue.list()).map(({ table }) => table)
  say('tablet', `on again: ${waiting.join(', ')} still wait`)
  tablet.sync.on('rejected', ({ table, error }) => say('tablet', `${table}: ${error.message}`))
  tablet.network.set(true)
  await tablet.sync.waitForSync().catch((error: Error) => say('tablet', error.message))
  const failed = await tablet.sync.queue.list({ status: 'failed' })
  say('tablet', `kept with its content: ${failed.map(({ data }) => String(data!.due)).join()}`)

  await tablet.sync.queue.clearFailed()
  const { due } = await tablet.reminders.insert({ ...mistaken, due: '2026-12-02' })
  await tablet.sync.waitForSync()
  say('tablet', `put right: ${String(due)}`)

  const phone = await start(await ada.signIn(), join(folder, 'phone.db'))
  const { pulled } = await phone.sync.pull()
  say('phone', `${pulled} rows of three tables in one go`)
  await phone.reminders.update(reminder.id as string, { done: true })
  await phone.sync.waitForSync()
  await tablet.reminders.update(reminder.id as string, { due: '2026-12-24' })
  await tablet.sync.waitForSync()
  const merged = await tablet.reminders.get(reminder.id as string)
  say(
    'tablet',
    `moved a reminder that the phone had ticked off: ${merged!.due as string}, ${merged!.done ? 'done' : 'open'}`,
  )

  await tablet.people.remove(person_id as string)
  await tablet.sync.waitForSync()
  await phone.sync.waitForSync()
  const rest = [...(await phone.reminders.list()), ...(await phone.interactions.list())]
  say('phone', `Barbara is removed, and of what hung on her ${rest.length} rows are left`)
  await phone.end()
  await tablet.end()
}
