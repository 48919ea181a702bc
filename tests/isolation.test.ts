import { randomUUID } from 'node:crypto'
import { sign } from 'hono/jwt'
import type { Sql } from 'postgres'
import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { makeTable } from '../client/tests/support/project.ts'
import { connect, createUser, jwtSecret, stack, type TestUser } from '../dev/testing.ts'
import { type Answer, edge, ok, type Page, type Result, rpc, type Token } from './support/calls.ts'
import { stateOf } from './support/state.ts'

let sql: Sql
let ada: TestUser
let bob: TestUser
let table: string
/** A row of Ada's, her device, and the same of Bob's. */
let adas: string
let bobs: string
let adasDevice: string
let bobsDevice: string

beforeAll(async () => {
  sql = connect()
  ada = await createUser()
  bob = await createUser()
})
afterAll(() => sql.end())

beforeEach(async () => {
  table = await makeTable(sql, 'name text')
  ;[adas, bobs, adasDevice, bobsDevice] = Array.from({ length: 4 }, () => randomUUID()) as [
    string,
    string,
    string,
    string,
  ]
  await pushed(ada, adasDevice, [put(adas, { name: "Ada's secret" })])
  await pushed(bob, bobsDevice, [put(bobs, { name: "Bob's own" })])
})

interface Edit {
  op: string
  id: string
  base?: number | null
  data?: object
}

const put = (id: string, data: object): Edit => ({ op: 'put', id, data })
const patch = (id: string, data: object): Edit => ({ op: 'patch', id, base: 1, data })
const remove = (id: string): Edit => ({ op: 'delete', id, base: 1 })

let seq = 0
/** Pushes edits as a user; the results, without what tells edits apart. */
async function pushed(user: TestUser, device_id: string, edits: Edit[]): Promise<Result[]> {
  const edited_at = new Date().toISOString()
  const mutations = edits.map((edit) => ({ seq: ++seq, table, base: null, edited_at, ...edit }))
  const answer = await rpc(user.accessToken, 'sync_push', { device_id, mutations })
  return ok<{ results: Result[] }>(answer).results
}

/** A result in which nothing but the row's id and the edit's number may differ. */
const nameless = (result: Result, id: string) =>
  JSON.parse(JSON.stringify({ ...result, seq: 0 }).replaceAll(id, '<id>')) as unknown

const state = () => stateOf(sql, table, [ada.id])

const pull = (user: TestUser, device_id: string, cursor?: unknown, options: object = {}) =>
  rpc(user.accessToken, 'sync_pull', {
    device_id,
    cursor,
    options: { tables: [table], ...options },
  })

describe('another user', () => {
  it('pulls none of her rows and none of their ids, from no cursor and with hers', async () => {
    const { cursor } = ok<Page>(await pull(ada, adasDevice))
    const fresh = ok<Page>(await pull(bob, bobsDevice))
    await pushed(ada, adasDevice, [patch(adas, { name: 'still secret' }), put(randomUUID(), {})])
    const answers = [
      fresh,
      ok<Page>(await pull(bob, bobsDevice, fresh.cursor)),
      ok<Page>(await pull(bob, bobsDevice, cursor)),
      ok<Page>(await pull(bob, bobsDevice, { ...cursor, seen: '1:1:' })),
      ok<Page>(await pull(bob, bobsDevice, { ...cursor, tables: [] })),
    ]
    for (const { changes } of answers)
      for (const { scope, upsert, remove } of changes) {
        expect(scope).toBe(`user:${bob.id}`)
        expect([...upsert.map(({ id }) => id), ...remove]).toEqual([bobs])
      }
    expect(JSON.stringify(answers)).not.toMatch(new RegExp(`secret|${adas}|${ada.id}`))
  })

  it('hears the same of her row as of one that is not there, whether he edits or deletes it', async () => {
    const before = await state()
    for (const attempt of [patch, remove]) {
      const hers = await pushed(bob, bobsDevice, [attempt(adas, { name: 'overwritten' })])
      const nobodys = randomUUID()
      const absent = await pushed(bob, bobsDevice, [attempt(nobodys, { name: 'overwritten' })])
      expect(nameless(hers[0]!, adas)).toEqual(nameless(absent[0]!, nobodys))
      expect(hers[0]).not.toHaveProperty('row')
      expect(hers[0]).not.toHaveProperty('version')
    }
    expect(await state()).toEqual(before)
  })

  it('hears the same of her deleted row as of her living one', async () => {
    const edits = [patch(adas, { name: 'x' }), remove(adas), put(adas, { name: 'x' })]
    const living = await pushed(bob, bobsDevice, edits)
    await pushed(ada, adasDevice, [remove(adas)])
    const before = await state()
    const deleted = await pushed(bob, bobsDevice, edits)
    expect(deleted.map((result) => nameless(result, adas))).toEqual(
      living.map((result) => nameless(result, adas)),
    )
    expect(await state()).toEqual(before)
  })

  it('cannot take her row over, make one for her, or give her one of his', async () => {
    const before = await state()
    const results = await pushed(bob, bobsDevice, [
      put(adas, { name: 'taken', user_id: bob.id }),
      put(adas, { name: 'taken', user_id: ada.id }),
      put(randomUUID(), { name: 'a gift', user_id: ada.id }),
      patch(bobs, { user_id: ada.id }),
      patch(adas, { user_id: bob.id }),
    ])
    expect(results.map(({ status, error }) => [status, error?.code])).toEqual([
      ['rejected', 'forbidden'],
      ['rejected', 'forbidden'],
      ['rejected', 'forbidden'],
      ['rejected', 'forbidden'],
      ['rejected', 'not_found'],
    ])
    for (const result of results) expect(JSON.stringify(result)).not.toMatch(/secret/)
    const [row] = await sql.unsafe(`select user_id from public.${table} where id = '${bobs}'`)
    expect(row!.user_id).toBe(bob.id)
    expect(await state()).toEqual(before)
  })

  it('hears the same of her scope, ids and conflicts as of ones that are not there', async () => {
    await sql.unsafe(`select tidemark.add_table('public.${table}', 'user:user_id', 'manual')`)
    await pushed(ada, randomUUID(), [patch(adas, { name: 'from elsewhere' })])
    const [parked] = await pushed(ada, adasDevice, [patch(adas, { name: 'undecided' })])
    expect(parked).toMatchObject({ status: 'conflict' })
    const before = await state()

    const calls = (scope: string, id: string, conflict_id: string) =>
      Promise.all([
        rpc(bob.accessToken, 'sync_rows', { table, ids: [id] }),
        rpc(bob.accessToken, 'sync_verify_range', { table, scope, prefix: '' }),
        rpc(bob.accessToken, 'sync_resolve', { conflict_id, resolution: { take: 'client' } }),
      ])
    const { conflict_id } = parked as Result & { conflict_id: string }
    expect(await calls(`user:${ada.id}`, adas, conflict_id)).toEqual(
      await calls(`user:${randomUUID()}`, randomUUID(), randomUUID()),
    )
    const lists = await Promise.all([
      rpc(bob.accessToken, 'sync_conflicts', {}),
      rpc(bob.accessToken, 'sync_verify', { tables: [table] }),
      rpc(bob.accessToken, 'sync_status', {}),
    ])
    for (const { status } of lists) expect(status).toBe(200)
    expect(JSON.stringify(lists)).not.toMatch(new RegExp(`undecided|${adas}|${ada.id}`))
    expect(await state()).toEqual(before)
  })

  it('sees none of her rows in tables either, and nothing of schema tidemark', async () => {
    const { data } = await bob.client.from(table).select()
    expect(data!.map(({ id }) => id as string)).toEqual([bobs])
    for (const internal of ['sync_changes', 'sync_devices', 'sync_tables', 'settings']) {
      const { data, error } = await bob.client.schema('tidemark').from(internal).select()
      expect(data).toBeNull()
      expect(error).not.toBeNull()
    }
    for (const internal of ['my_scopes', 'epoch', 'log_page', 'lock_device', 'purge'])
      expect((await rpc(bob.accessToken, internal, {})).status).toBe(404)
  })
})

describe('a device', () => {
  const refusal = (message: string) => ({ status: 403, body: { code: 'PT403', message } })

  it('works for its owner alone, on every road', async () => {
    const before = await state()
    const body = { device_id: adasDevice, mutations: [], cursor: null }
    const answers = [
      await rpc(bob.accessToken, 'sync_push', { device_id: adasDevice, mutations: [] }),
      await rpc(bob.accessToken, 'sync_pull', { device_id: adasDevice }),
      await rpc(bob.accessToken, 'sync_register_device', { device_id: adasDevice, info: {} }),
      await edge(bob.accessToken, 'sync-push', body),
      await edge(bob.accessToken, 'sync-pull', body),
      await edge(bob.accessToken, 'sync', body),
    ]
    for (const answer of answers) expect(answer).toMatchObject(refusal('device_of_another_user'))
    expect(await state()).toEqual(before)
  })

  it('is revoked by its owner alone; to others it is like one that does not exist', async () => {
    const revoke = (user: TestUser, device_id: string) =>
      rpc(user.accessToken, 'sync_revoke_device', { device_id })
    const nobodys = randomUUID()
    expect(await revoke(bob, adasDevice)).toEqual({
      status: 200,
      body: { device_id: adasDevice, revoked_at: null },
    })
    expect(await revoke(bob, nobodys)).toEqual({
      status: 200,
      body: { device_id: nobodys, revoked_at: null },
    })
    expect((await pull(ada, adasDevice)).status).toBe(200)

    await revoke(ada, adasDevice)
    const body = { device_id: adasDevice, mutations: [] }
    for (const answer of [
      await pull(ada, adasDevice),
      await rpc(ada.accessToken, 'sync_push', body),
      await edge(ada.accessToken, 'sync', body),
    ])
      expect(answer).toMatchObject(refusal('device_revoked'))
  })

  it('is listed to its owner alone', async () => {
    const listed = ok<{ device_id: string }[]>(await rpc(bob.accessToken, 'sync_devices', {}))
    const ids = listed.map(({ device_id }) => device_id)
    expect(ids).toContain(bobsDevice)
    expect(ids).not.toContain(adasDevice)
  })
})

describe('who is no signed-in user', () => {
  const claims = (more: object) => ({ exp: Math.floor(Date.now() / 1000) + 600, ...more })
  const genuine = (more: object) => sign(claims(more), jwtSecret(), 'HS256')
  const forged = (more: object) => sign(claims(more), 'a secret of their own', 'HS256')
  const user = () => ({ sub: ada.id, role: 'authenticated' })

  const callers: Record<string, () => Promise<Token> | Token> = {
    'nobody, with the publishable key alone': () => null,
    'nobody, with the publishable key as a token': () => stack().publishable_key,
    'a backend with the secret key': () => stack().secret_key,
    'a token that has expired': () => genuine({ ...user(), exp: 1 }),
    'a token signed by somebody else': () => forged(user()),
    'a token of role service_role signed by somebody else': () =>
      forged({ ...user(), role: 'service_role' }),
    'a token of role anon with her name': () => genuine({ ...user(), role: 'anon' }),
    'a token without a name': () => genuine({ role: 'authenticated' }),
    'a token that is none': () => 'e30.e30.e30',
  }

  it.each(Object.keys(callers))('calls nothing and gets no data: %s', async (name) => {
    const before = await state()
    const token = await callers[name]!()
    const mutations = [{ seq: 1, table, ...patch(adas, { name: 'overwritten' }) }]
    const device_id = randomUUID()
    const answers: Record<string, Answer> = {
      sync_push: await rpc(token, 'sync_push', { device_id, mutations }),
      sync_revoke_device: await rpc(token, 'sync_revoke_device', { device_id: adasDevice }),
      'sync-push': await edge(token, 'sync-push', { device_id, mutations }),
      'sync-pull': await edge(token, 'sync-pull', { device_id }),
      sync: await edge(token, 'sync', { device_id, mutations }),
    }
    const all = await sql<{ name: string; args: string[] }[]>`
      select proname as name, coalesce(proargnames, '{}') as args from pg_proc
      where pronamespace = 'public'::regnamespace and proname ~ '^sync_'`
    for (const { name, args } of all)
      answers[`${name}()`] = await rpc(
        token,
        name,
        Object.fromEntries(args.map((arg) => [arg, null])),
      )
    for (const [call, { status, body }] of Object.entries(answers)) {
      expect([401, 403], `${call} answered ${status}`).toContain(status)
      expect(JSON.stringify(body)).not.toMatch(new RegExp(`changes|results|secret|${ada.id}`))
    }
    expect(await state()).toEqual(before)
  })
})
