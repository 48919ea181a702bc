import { randomUUID } from 'node:crypto'
import 'fake-indexeddb/auto'
import { createClient, type SupabaseClient } from '@supabase/supabase-js'
import { sign } from 'hono/jwt'
import type { Sql } from 'postgres'
import { afterAll, afterEach, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { connect, jwtSecret, stack } from '../../dev/testing.ts'
import { classify } from '../src/model/errors.ts'
import { deviceOf } from '../src/database/meta.ts'
import {
  createSync,
  indexedDbStorage,
  memoryStorage,
  type Sync,
  type SyncStorage,
  type Table,
} from '../src/index.ts'
import { gatedFetch } from './support/gate.ts'
import { type Contact, makeTable, rowsInDatabase } from './support/project.ts'
import { verify } from '../src/integrations/maintenance/index.ts'

let sql: Sql
beforeAll(() => void (sql = connect()))
afterAll(() => sql.end())

interface Person {
  id: string
  token: string
}

async function person(): Promise<Person> {
  const id = randomUUID()
  const exp = Math.floor(Date.now() / 1000) + 3600
  return { id, token: await sign({ sub: id, role: 'authenticated', exp }, jwtSecret(), 'HS256') }
}

const open: Sync[] = []
let table: string
let ada: Person
let bob: Person
/** Who is signed in, in all tabs. */
let signedIn: Person
beforeEach(async () => {
  table = await makeTable(sql)
  ;[ada, bob] = [await person(), await person()]
  signedIn = ada
})
afterEach(async () => {
  for (const sync of open.splice(0)) await sync.close()
})

/** A tab of a browser on `storage`. A `nameless` client proves who is signed in and does not say it. */
function tab(storage: SyncStorage, { nameless = false } = {}) {
  const { fetch, hold } = gatedFetch()
  const client = createClient(stack().api_url, stack().publishable_key, {
    accessToken: async () => signedIn.token,
    global: { fetch },
  })
  const session = () => ({ user: { id: signedIn.id } })
  const named = {
    rpc: client.rpc.bind(client),
    functions: client.functions,
    auth: { getSession: async () => ({ data: { session: session() } }) },
  }
  const sync = createSync({
    supabase: nameless ? (client as unknown as Pick<SupabaseClient, keyof typeof named>) : named,
    storage,
    tables: [table],
    pageSize: 10,
    batch: { mutations: 2 },
    backoff: { retries: 0 },
  })
  open.push(sync)
  const rows = sync.table(table) as unknown as Table<Contact, Partial<Contact>, Partial<Contact>>
  return { sync, rows, hold }
}

/** Rows that a user has on the server. */
const fill = ({ id }: Person, name: string, count: number) =>
  sql.unsafe(
    `insert into public.${table} (user_id, name) select $1, $2 from generate_series(1, $3::int)`,
    [id, name, count],
  )

const names = (rows: { name?: unknown }[]): unknown[] => rows.map(({ name }) => name).toSorted()

async function inDatabase({ id }: Person): Promise<unknown[]> {
  return names((await rowsInDatabase(sql, table)).filter(({ user_id }) => user_id === id))
}

/** How a run ends whose store is no longer the one it began with. */
const ended = { name: 'AuthError', code: 'not_signed_in', retryable: false }

describe.each(['in the same tab', 'in another tab'])('signing out during a run, %s', (where) => {
  async function device() {
    const name = randomUUID()
    const running = tab(indexedDbStorage(name))
    const other = where === 'in the same tab' ? running : tab(indexedDbStorage(name))
    return { running, other }
  }

  it('ends the download: neither its page nor a new one comes to whoever is next', async () => {
    const { running, other } = await device()
    await fill(ada, 'of Ada', 25)
    await fill(bob, 'of Bob', 3)
    await running.sync.ready()
    const page = running.hold('sync_pull')
    const run = running.sync.pull().catch(classify)
    await page.there
    expect(await other.sync.signOut()).toEqual({ sent: 0, kept: 0, discarded: 0 })
    page.letGo()
    expect(await run).toMatchObject(ended)
    expect(await other.rows.list()).toEqual([])

    signedIn = bob
    expect(await other.sync.sync()).toMatchObject({ pulled: 3 })
    expect(names(await other.rows.list())).toEqual(['of Bob', 'of Bob', 'of Bob'])
  })

  it('ends the sending: what is written next is not sent as the old user', async () => {
    const { running, other } = await device()
    await running.rows.insertMany(['a', 'b', 'c', 'd'].map((name) => ({ name })))
    const answer = running.hold('sync_push')
    const run = running.sync.push().catch(classify)
    await answer.there
    expect(await other.sync.signOut({ unsent: 'keep' })).toMatchObject({ kept: 4 })
    await other.rows.insert({ name: 'later' })
    answer.letGo()
    expect(await run).toMatchObject(ended)
    expect(await inDatabase(ada)).toEqual(['a', 'b'])

    signedIn = bob
    expect(await other.sync.sync()).toMatchObject({ pushed: 1 })
    expect(await inDatabase(bob)).toEqual(['later'])
    await other.sync.signOut()
    signedIn = ada
    expect(await other.sync.sync()).toMatchObject({ pushed: 4 })
    expect(await inDatabase(ada)).toEqual(['a', 'b', 'c', 'd'])
  })

  it('ends the comparison: it brings nothing back', async () => {
    const { running, other } = await device()
    await fill(ada, 'of Ada', 5)
    await running.sync.sync()
    const sums = running.hold('sync_verify')
    const run = verify(running.sync).catch(classify)
    await sums.there
    await other.sync.signOut()
    sums.letGo()
    expect(await run).toMatchObject(ended)
    expect(await other.rows.list()).toEqual([])
  })
})

it('a decision whose answer comes after its user has signed out brings no row', async () => {
  await sql`select tidemark.add_table(${table}, 'user:user_id', 'manual')`
  const { sync, rows, hold } = tab(memoryStorage())
  const { id } = await rows.insert({ name: 'before' })
  await sync.sync()
  await sql`update ${sql(table)} set name = 'theirs' where id = ${id}`
  await rows.update(id, { name: 'mine' })
  expect(await sync.sync()).toMatchObject({ conflicts: 1 })
  const [conflict] = await sync.conflicts.list()
  const answer = hold('sync_resolve')
  const resolving = sync.conflicts.resolve(conflict!.conflict_id, 'client')
  await answer.there
  await sync.signOut()
  answer.letGo()
  expect(await resolving).toMatchObject({ row: { name: 'mine' } })
  expect(await rows.list()).toEqual([])
})

it('signing out forgets the rows of an account without a name', async () => {
  const { sync, rows } = tab(memoryStorage(), { nameless: true })
  await fill(ada, 'of Ada', 2)
  expect(await sync.sync()).toMatchObject({ pulled: 2 })
  expect(await sync.signOut()).toEqual({ sent: 0, kept: 0, discarded: 0 })
  expect(await rows.list()).toEqual([])
  await fill(bob, 'of Bob', 1)
  signedIn = bob
  expect(await sync.sync()).toMatchObject({ pulled: 1 })
  expect(names(await rows.list())).toEqual(['of Bob'])
})

it('signing out ends a download whose account has no name', async () => {
  const { sync, rows, hold } = tab(memoryStorage(), { nameless: true })
  await fill(ada, 'of Ada', 25)
  await sync.ready()
  const page = hold('sync_pull')
  const run = sync.pull().catch(classify)
  await page.there
  await sync.signOut({ unsent: 'discard' })
  page.letGo()
  expect(await run).toMatchObject(ended)
  expect(await rows.list()).toEqual([])
})

/** `storage` for a tab in which something happens before the n-th of its transactions. */
function interrupted(storage: SyncStorage, n: number, happen: () => Promise<unknown>): SyncStorage {
  let count = 0
  return {
    ...storage,
    async transaction(mode, body) {
      if (++count === n) await happen()
      return storage.transaction(mode, body)
    },
  }
}

it('signing out between any two steps of a run leaves each user what is theirs', async () => {
  const outcomes: unknown[] = []
  for (let step = 1; ; step++) {
    table = await makeTable(sql)
    ;[ada, bob] = [await person(), await person()]
    signedIn = ada
    await fill(ada, 'old', 15)
    await fill(bob, 'of Bob', 2)
    const storage = memoryStorage()
    const other = tab(storage)
    await other.rows.insertMany(['a', 'b', 'c'].map((name) => ({ name })))
    let happened = false
    const running = tab(
      interrupted(storage, step, async () => {
        happened = true
        await other.sync.signOut({ unsent: 'keep' })
        await other.rows.insert({ name: 'later' })
      }),
    )
    const outcome = await running.sync.sync().catch(classify)
    if (!happened) break
    outcomes.push((outcome as { code?: string }).code ?? 'done')

    const when = `step ${step}`
    // Before the run has claimed the store it goes to who is signed in: the run has begun after it all.
    const asAda = (await storage.transaction('readonly', deviceOf)).user === ada.id
    signedIn = bob
    await other.sync.sync()
    expect(names(await other.rows.list()), when).toEqual(
      [...(asAda ? [] : ['later']), 'of Bob', 'of Bob'].toSorted(),
    )
    await other.sync.signOut()
    signedIn = ada
    await other.sync.sync()
    const all = ['a', 'b', 'c', ...(asAda ? ['later'] : []), ...Array<string>(15).fill('old')]
    expect(names(await other.rows.list()), when).toEqual(all.toSorted())
    expect(await inDatabase(ada), when).toEqual(all.toSorted())
    expect(await other.sync.queue.list(), when).toEqual([])
  }
  expect(outcomes).toContain('not_signed_in')
})
