import type { SupabaseClient } from '@supabase/supabase-js'
import postgres from 'postgres'
import { createSync, type SyncOptions } from '../../client/src/index.ts'
import type { StackInfo } from '../../dev/stack.ts'
import { switchedNetwork } from '../network.ts'
import { type Person, signUp } from '../person.ts'
import { say } from '../say.ts'
import { verify } from '../../client/src/integrations/maintenance/index.ts'

/** One call for any app: which tables, and when to sync. The rest is the same everywhere. */
async function manage(supabase: SupabaseClient, options: Partial<SyncOptions> = {}) {
  const network = switchedNetwork()
  const sync = createSync({ supabase, tables: ['documents'], network, ...options })
  await sync.ready()
  return { sync, network, documents: sync.table('documents') }
}

/** A team with its members, as an administrator makes it. */
async function foundTeam({ db_url }: StackInfo, members: Person[]): Promise<string> {
  const sql = postgres(db_url, { max: 1 })
  const [team] = await sql<[{ id: string }]>`
    insert into teams (name) values ('Writers') returning id`
  for (const { id } of members)
    await sql`insert into team_members (team_id, user_id) values (${team.id}, ${id})`
  await sql.end()
  return team.id
}

/** The same documents under every mode and direction. */
export async function main(info: StackInfo): Promise<void> {
  const [ada, bob] = [await signUp(info, 'Ada'), await signUp(info, 'Bob')]
  const team_id = await foundTeam(info, [ada, bob])

  const desk = await manage(await ada.signIn())
  const { id } = await desk.documents.insert({ team_id, title: 'Minutes', body: 'first draft' })
  say('manual', `${desk.sync.status().pending} edit waits until sync() is called`)
  const { pushed } = await desk.sync.sync()
  say('manual', `${pushed} sent`)

  const wall = await manage(await bob.signIn(), { mode: 'periodic', interval: 100 })
  await new Promise<void>((resolve) => {
    const end = wall.documents.subscribe((rows) => {
      if (rows.length === 0) return
      end()
      say('periodic', `Bob's wall shows "${String(rows[0]!.title)}" without being asked`)
      resolve()
    })
  })

  const train = await manage(await ada.signIn(), { mode: ['auto', 'on-reconnect'], debounce: 50 })
  await train.sync.sync()
  const done = () =>
    new Promise<void>((resolve) => {
      const end = train.sync.on('sync_completed', () => {
        end()
        resolve()
      })
    })
  const afterEdit = done()
  await train.documents.insert({ team_id, title: 'From the train' })
  await afterEdit
  say('auto', `sent soon after the edit, ${train.sync.status().pending} wait`)
  train.network.set(false)
  await train.documents.update(id as string, { body: 'as Ada remembers it' })
  const afterTunnel = done()
  say('reconnect', `in a tunnel: ${train.sync.status().pending} edit waits`)

  const bobs = await manage(await bob.signIn())
  await bobs.sync.sync()
  await bobs.documents.update(id as string, { body: 'as Bob remembers it' })
  await bobs.sync.sync()
  train.network.set(true)
  await afterTunnel
  await train.sync.waitForSync()
  const versions = await train.documents.list({ title: 'Minutes' }, { order: 'body' })
  say('reconnect', `both kept: ${versions.map(({ body }) => String(body)).join(' | ')}`)

  const scanner = await manage(await bob.signIn(), { direction: 'push-only' })
  await scanner.documents.insert({ team_id, title: 'Scan' })
  const only = await scanner.sync.sync()
  say('push-only', `${only.pushed} up, ${only.pulled} down`)
  const board = await manage(await ada.signIn(), { direction: 'pull-only' })
  const shown = await board.sync.sync()
  say('pull-only', `${shown.pushed} up, ${shown.pulled} down`)

  const verified = await verify(board.sync)
  const state = verified.inSync ? 'in sync' : 'NOT in sync'
  say('verify', `${verified.rows} rows compared by checksums: ${state}`)
  for (const { sync } of [desk, wall, train, bobs, scanner, board]) await sync.close()
}
