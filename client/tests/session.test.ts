import { randomUUID } from 'node:crypto'
import 'fake-indexeddb/auto'
import { createClient, type Session, type SupabaseClient } from '@supabase/supabase-js'
import { sign } from 'hono/jwt'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  anonClient,
  connect,
  createUser,
  jwtSecret,
  stack,
  type TestUser,
} from '../../dev/testing.ts'
import { createSync, indexedDbStorage, memoryStorage } from '../src/index.ts'
import { faultyFetch } from './support/faults.ts'
import { device, makeTable, rowsInDatabase } from './support/project.ts'
import { settled } from './support/time.ts'

let sql: Sql
let user: TestUser
let other: TestUser

beforeAll(() => void (sql = connect()))
// Who signs out ends the session of all clients that share it, so each test has its own users.
beforeEach(async () => {
  user = await createUser()
  other = await createUser()
})
afterAll(() => sql.end())

/** A client whose stored session a test can look into and change. */
async function withSession(change: (session: Session) => void | Promise<void>) {
  const stored = new Map<string, string>()
  const faults = faultyFetch()
  const client = createClient(stack().api_url, stack().publishable_key, {
    auth: {
      storageKey: 'session',
      autoRefreshToken: false,
      detectSessionInUrl: false,
      storage: {
        getItem: (key) => stored.get(key) ?? null,
        setItem: (key, value) => void stored.set(key, value),
        removeItem: (key) => void stored.delete(key),
      },
    },
    global: { fetch: faults.fetch },
  })
  const { error } = await client.auth.signInWithPassword(user)
  if (error) throw error
  const session = (): Session => JSON.parse(stored.get('session')!) as Session
  const changed = session()
  await change(changed)
  stored.set('session', JSON.stringify(changed))
  return { client, faults, session }
}

/** The same token, had it been issued two hours ago for one. */
async function expired(session: Session): Promise<void> {
  const [, payload] = session.access_token.split('.')
  const claims = JSON.parse(atob(payload!)) as Record<string, unknown>
  const exp = Math.floor(Date.now() / 1000) - 3600
  session.access_token = await sign({ ...claims, exp }, jwtSecret(), 'HS256')
}

const codeOf = ({ code }: { code?: string }) => code

const open = (client: SupabaseClient, table: string) => {
  const sync = createSync({
    supabase: client,
    tables: [table],
    backoff: { retries: 2, base: 1, cap: 2 },
  })
  return { sync, rows: sync.table(table) }
}

describe('a token', () => {
  it('that is about to expire is renewed before it is used', async () => {
    const table = await makeTable(sql)
    const soon = Math.floor(Date.now() / 1000) + 45
    const { client, session } = await withSession((was) => void (was.expires_at = soon))
    const { sync, rows } = open(client, table)
    await rows.insert({ name: 'x' })
    expect(await sync.sync()).toMatchObject({ pushed: 1 })
    expect(session().expires_at).toBeGreaterThan(soon)
    await sync.close()
  })

  it('that the server refuses is renewed once, and the request goes through', async () => {
    const table = await makeTable(sql)
    const { client, faults, session } = await withSession(expired)
    const before = session().access_token
    const { sync, rows } = open(client, table)
    await rows.insert({ name: 'x' })
    expect(await sync.sync()).toMatchObject({ pushed: 1, rejected: 0 })
    expect(faults.paths).toEqual(['/functions/v1/sync', '/functions/v1/sync'])
    expect(session().access_token).not.toBe(before)
    await sync.close()
  })

  it('that cannot be renewed stops the sending and loses nothing', async () => {
    const table = await makeTable(sql)
    const { client, faults } = await withSession(async (session) => {
      await expired(session)
      session.refresh_token = 'not one'
    })
    const { sync, rows } = open(client, table)
    await rows.insert({ name: 'x' })
    await expect(sync.sync()).rejects.toMatchObject({ name: 'AuthError', retryable: false })
    expect(faults.paths).toHaveLength(1)
    expect(await sync.queue.stats()).toMatchObject({ sent: 1, failed: 0 })
    await client.auth.signInWithPassword(user)
    expect(await sync.sync()).toMatchObject({ pushed: 1 })
    expect(await rowsInDatabase(sql, table)).toHaveLength(1)
    await sync.close()
  })
})

describe('signing out', () => {
  /** A device with one row that is on the server and one edit that is not. */
  async function unsent() {
    const table = await makeTable(sql)
    const opened = await device(user, [table])
    await opened.rows.insert({ name: 'sent' })
    await opened.sync.sync()
    await opened.rows.insert({ name: 'unsent' })
    return { ...opened, table }
  }

  it('with unsent edits is refused until it is said what becomes of them', async () => {
    const { sync, rows } = await unsent()
    await expect(sync.signOut()).rejects.toMatchObject({
      name: 'ConflictError',
      code: 'unsent_edits',
    })
    expect(await rows.list()).toHaveLength(2)
    await sync.close()
  })

  it('sync: sends them first, and does nothing where that fails', async () => {
    const { sync, rows, faults, table } = await unsent()
    faults.always('before')
    await expect(sync.signOut({ unsent: 'sync' })).rejects.toMatchObject({ name: 'NetworkError' })
    expect(await rows.list()).toHaveLength(2)
    faults.reset()
    expect(await sync.signOut({ unsent: 'sync' })).toEqual({ sent: 1, kept: 0, discarded: 0 })
    expect(await rows.list()).toEqual([])
    expect(await rowsInDatabase(sql, table)).toHaveLength(2)
    await sync.close()
  })

  it('discard: throws them away', async () => {
    const { sync, rows, client, table } = await unsent()
    expect(await sync.signOut({ unsent: 'discard' })).toEqual({ sent: 0, kept: 0, discarded: 1 })
    expect(await rows.list()).toEqual([])
    await client.auth.signInWithPassword(user)
    expect(await sync.sync()).toMatchObject({ pushed: 0 })
    expect((await rows.list()).map(({ name }) => name)).toEqual(['sent'])
    expect(await rowsInDatabase(sql, table)).toHaveLength(1)
    await sync.close()
  })

  it('keep: another user sees none of it; when the first one is back, it is sent, once', async () => {
    const { sync, rows, client, table } = await unsent()
    const seen: number[] = []
    rows.subscribe((all) => seen.push(all.length))
    await settled()
    expect(await sync.signOut({ unsent: 'keep' })).toEqual({ sent: 0, kept: 1, discarded: 0 })
    await settled()
    expect(seen).toEqual([2, 0])
    await client.auth.signOut({ scope: 'local' })

    await client.auth.signInWithPassword(other)
    await rows.insert({ name: 'by the other' })
    expect(await sync.sync()).toMatchObject({ pushed: 1 })
    expect((await rows.list()).map(({ name }) => name)).toEqual(['by the other'])
    expect(await sync.queue.list()).toEqual([])
    expect(await sync.signOut()).toEqual({ sent: 0, kept: 0, discarded: 0 })

    await client.auth.signInWithPassword(user)
    expect(await sync.sync()).toMatchObject({ pushed: 1 })
    expect((await rows.list()).map(({ name }) => name).toSorted()).toEqual(['sent', 'unsent'])
    const owners = (await rowsInDatabase(sql, table)).map(({ name, user_id }) => [name, user_id])
    expect(owners.toSorted()).toEqual(
      [
        ['sent', user.id],
        ['unsent', user.id],
        ['by the other', other.id],
      ].toSorted(),
    )
    await sync.close()
  })

  it('keep: goes on under the old name, so that an edit whose answer got lost is not done twice', async () => {
    const table = await makeTable(sql, 'name text, phone text, n int not null default 0')
    await sql`select tidemark.add_table(${table}, 'user:user_id', columns => '{"n": "sum"}')`
    const { sync, rows, client, faults } = await device(user, [table])
    const { id } = await rows.insert({ name: 'counter', n: 1 })
    await sync.sync()
    await rows.update(id, { n: 5 })
    faults.always('after')
    await expect(sync.push()).rejects.toMatchObject({ name: 'NetworkError' })
    await sync.signOut({ unsent: 'keep' })
    faults.reset()
    await client.auth.signInWithPassword(other)
    await sync.sync()
    await sync.signOut()
    await client.auth.signInWithPassword(user)
    await rows.insert({ name: 'later' })
    await sync.sync()
    expect((await rowsInDatabase(sql, table)).map(({ name, n }) => [name, n]).toSorted()).toEqual([
      ['counter', 5],
      ['later', 0],
    ])
    expect(await sync.queue.list()).toEqual([])
    await sync.close()
  })

  it('what nobody in particular wrote goes to whoever signs in', async () => {
    const table = await makeTable(sql)
    const client = anonClient()
    const { sync, rows } = open(client, table)
    await rows.insert({ name: 'before' })
    expect(await sync.signOut({ unsent: 'keep' })).toMatchObject({ kept: 1 })
    expect(await rows.list()).toHaveLength(1)
    await expect(sync.sync()).rejects.toMatchObject({ code: 'not_signed_in' })
    await client.auth.signInWithPassword(other)
    expect(await sync.sync()).toMatchObject({ pushed: 1 })
    expect(await rowsInDatabase(sql, table)).toMatchObject([{ user_id: other.id }])
    await sync.close()
  })
})

describe('another user who signs in on the same device', () => {
  it('sees nothing while unsent edits are there, nor do subscribers; nothing is sent', async () => {
    const table = await makeTable(sql)
    const { sync, rows, client, faults } = await device(user, [table])
    await rows.insert({ name: 'secret' })
    await sync.sync()
    await rows.insert({ name: 'unsent' })
    const seen: number[] = []
    rows.subscribe((all) => seen.push(all.length))
    await settled()
    await client.auth.signInWithPassword(other)
    await expect.poll(() => seen).toEqual([2, 0])
    await expect(rows.list()).rejects.toMatchObject({ name: 'AuthError', code: 'other_user' })
    await expect(rows.insert({ name: 'x' })).rejects.toMatchObject({ code: 'other_user' })
    await expect(sync.queue.list()).rejects.toMatchObject({ code: 'other_user' })
    const requests = faults.paths.length
    await expect(sync.sync()).rejects.toMatchObject({ code: 'other_user' })
    expect(faults.paths).toHaveLength(requests)

    await client.auth.signInWithPassword(user)
    await expect.poll(() => seen).toEqual([2, 0, 2])
    expect(await sync.sync()).toMatchObject({ pushed: 1 })
    await sync.close()
  })

  it.each(['this', 'another'] as const)(
    'sees what other tabs write once %s tab has put the edits away',
    async (which) => {
      const table = await makeTable(sql)
      const name = randomUUID()
      const here = await device(user, [table], { storage: indexedDbStorage(name) })
      const there = await device(user, [table], { storage: indexedDbStorage(name) })
      for (const { sync } of [here, there]) await sync.ready()
      await here.sync.sync()
      await here.rows.insert({ name: 'unsent' })
      for (const { client } of [here, there]) await client.auth.signInWithPassword(other)
      for (const { rows } of [here, there])
        await expect.poll(() => rows.list().catch(codeOf)).toBe('other_user')
      await (which === 'this' ? here : there).sync.signOut({ unsent: 'keep' })
      await here.sync.sync()
      let shown: unknown[] = []
      here.rows.subscribe((rows) => (shown = rows.map((row) => row.name)))
      await there.rows.insert({ name: 'mine' })
      await expect.poll(() => shown).toEqual(['mine'])
      for (const { sync } of [here, there]) await sync.close()
    },
  )

  it('starts with an empty store where nothing was unsent', async () => {
    const table = await makeTable(sql)
    const storage = memoryStorage()
    const first = await device(user, [table], { storage })
    await first.rows.insert({ name: 'secret' })
    await first.sync.sync()
    await first.sync.close()
    const second = await device(other, [table], { storage })
    await second.sync.ready()
    expect(await second.rows.list()).toEqual([])
    await second.rows.insert({ name: 'mine' })
    expect(await second.sync.sync()).toMatchObject({ pushed: 1, pulled: 0 })
    expect((await second.rows.list()).map(({ name }) => name)).toEqual(['mine'])
    await second.sync.close()
  })
})

describe('a refusal that only people can cure', () => {
  it('a revoked device keeps its edits, and takes a new identity only when it is told to', async () => {
    const table = await makeTable(sql)
    const { sync, rows, client, faults } = await device(user, [table], {
      mode: 'auto',
      debounce: 1,
    })
    await rows.insert({ name: 'before' })
    await sync.sync()
    const { device_id } = faults.bodies[0] as { device_id: string }
    await client.rpc('sync_revoke_device', { device_id })
    await rows.insert({ name: 'after' })
    const refusal = { name: 'AuthError', code: 'device_revoked', retryable: false }
    await expect(sync.sync()).rejects.toMatchObject(refusal)
    sync.start()
    const requests = faults.paths.length
    await rows.insert({ name: 'still later' })
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(faults.paths).toHaveLength(requests)
    expect(sync.status()).toMatchObject({ pending: 2, lastError: refusal })

    await sync.renewDevice()
    expect(await sync.sync()).toMatchObject({ pushed: 2 })
    expect(await rowsInDatabase(sql, table)).toHaveLength(3)
    await sync.close()
  })

  it('a client too old for the server stops sending, and keeps its queue', async () => {
    const table = await makeTable(sql)
    const { client } = await withSession(() => {})
    // The real server's answer to a client of another time.
    const old = createClient(stack().api_url, stack().publishable_key, {
      accessToken: async () => (await client.auth.getSession()).data.session!.access_token,
      global: {
        fetch: (url, init) =>
          fetch(url, {
            ...init,
            body: String(init?.body).replace('"protocol":1', '"protocol":99'),
          }),
      },
    })
    const sync = createSync({
      supabase: old as unknown as SupabaseClient,
      tables: [table],
      mode: 'auto',
      debounce: 1,
    })
    await sync.table(table).insert({ name: 'x' })
    await expect(sync.sync()).rejects.toMatchObject({
      name: 'PermanentError',
      code: 'upgrade_required',
    })
    const errors: unknown[] = []
    sync.on('sync_error', (error) => errors.push(error))
    await sync.ready()
    await sync.table(table).insert({ name: 'y' })
    await new Promise((resolve) => setTimeout(resolve, 100))
    expect(errors).toEqual([])
    expect(sync.status().pending).toBe(2)
    await sync.close()
  })
})

describe('waitForSync', () => {
  it('resolves when what was written is on the server and what was there is here, over bad lines', async () => {
    const table = await makeTable(sql)
    const a = await device(user, [table])
    const b = await device(user, [table])
    await a.rows.insert({ name: 'theirs' })
    await a.sync.sync()
    await b.rows.insert({ name: 'mine' })
    b.faults.next(...Array<'before'>(6).fill('before'))
    expect(await b.sync.waitForSync()).toMatchObject({ pushed: 1, pulled: 1 })
    expect(await rowsInDatabase(sql, table)).toHaveLength(2)
    expect(await b.rows.list()).toHaveLength(2)
    await Promise.all([a.sync.close(), b.sync.close()])
  })

  it('waits for the network, and gives up when it is told to', async () => {
    const table = await makeTable(sql)
    const watchers = new Set<(online: boolean) => void>()
    let online = false
    const network = {
      online: () => online,
      watch(fn: (online: boolean) => void) {
        watchers.add(fn)
        return () => void watchers.delete(fn)
      },
    }
    const { sync, rows } = await device(user, [table], { network })
    await rows.insert({ name: 'x' })
    const itsOwn = watchers.size
    await expect(sync.waitForSync({ timeout: 30 })).rejects.toMatchObject({ code: 'timeout' })
    const stop = new AbortController()
    const stopped = sync.waitForSync({ signal: stop.signal }).catch((error: unknown) => error)
    await settled()
    stop.abort()
    expect(await stopped).toMatchObject({ retryable: expect.any(Boolean) })
    const waiting = sync.waitForSync()
    await settled()
    online = true
    for (const fn of watchers) fn(true)
    expect(await waiting).toMatchObject({ pushed: 1 })
    expect(watchers.size).toBe(itsOwn)
    await sync.close()
  })

  it('rejects where the server refuses an edit, and where nobody is signed in', async () => {
    const table = await makeTable(sql, 'name text, n int check (n < 100)')
    const { sync, rows, client } = await device(user, [table])
    await rows.insert({ n: 1000 })
    await expect(sync.waitForSync()).rejects.toMatchObject({
      name: 'ValidationError',
      code: 'rejected',
    })
    expect(await sync.waitForSync()).toMatchObject({ rejected: 0 })
    await client.auth.signOut({ scope: 'local' })
    await expect(sync.waitForSync()).rejects.toMatchObject({ code: 'not_signed_in' })
    await sync.close()
  })
})
