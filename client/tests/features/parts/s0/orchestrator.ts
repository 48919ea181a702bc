import { expect, it } from 'vitest'
import { createClient } from '@supabase/supabase-js'
import { connect, stack } from '../../../../../dev/testing.ts'
import { createSync, memoryStorage } from '../../../../src/index.ts'
import { omit } from '../../../../src/util/omit.ts'
import { makeTable, rowsInDatabase } from '../../../support/project.ts'
import { handClock } from '../../../support/time.ts'
import { project } from '../../support.ts'
import { recover, repair, verify } from '../../../../src/integrations/maintenance/index.ts'

/** Names of rows in the order in which they were sent. */
const sent = (bodies: Record<string, unknown>[]): unknown[] =>
  bodies.flatMap(({ mutations = [] }) =>
    (mutations as { data?: { name: string } }[]).map(({ data }) => data?.name),
  )

export function orchestrator(): void {
  const p = project()

  it('queue item with action, entity, payload, local id, remote id, timestamp, attempts, last attempt, error, priority high/normal/low', async () => {
    const { sync, rows, faults } = await p.open()
    const { id } = await rows.insert({ name: 'urgent' }, { priority: 'high' })
    const other = await rows.insert({ name: 'usual' })
    await rows.insert({ name: 'some time' }, { priority: 'low' })
    faults.always('before')
    await expect(sync.sync()).rejects.toMatchObject({ name: 'NetworkError' })
    expect(await sync.queue.list()).toMatchObject([
      {
        op: 'put',
        table: p.table,
        id,
        data: { id, name: 'urgent' },
        edited_at: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        status: 'sent',
        attempts: 4,
        lastAttempt: expect.stringMatching(/^\d{4}-\d\d-\d\dT.*Z$/),
        error: { code: 'network', message: expect.any(String) },
        rank: -1,
      },
      { id: other.id },
      { rank: 1 },
    ])
  })

  it('priority order, persisted, one processor at a time', async () => {
    const storage = memoryStorage()
    const table = await makeTable(p.sql)
    const before = await p.open({ storage }, [table])
    for (const priority of ['low', 'normal', 'high'] as const)
      await before.rows.insertMany([{ name: priority }, { name: priority }], { priority })
    await before.sync.close()
    const { sync, faults } = await p.open({ storage, batch: { mutations: 2 } }, [table])
    const [first, second] = await Promise.all([sync.push(), sync.push()])
    expect(first).toBe(second)
    expect(sent(faults.bodies)).toEqual(['high', 'high', 'normal', 'normal', 'low', 'low'])
    expect(await rowsInDatabase(p.sql, table)).toHaveLength(6)
  })

  it('create/update/delete with the fall-backs (update of a missing row becomes a create; delete of a missing row succeeds)', async () => {
    const { sync, rows } = await p.open({ whenMissing: 'create' })
    const made = await rows.insert({ name: 'made', n: 1 })
    const gone = await rows.insert({ name: 'gone' })
    await sync.sync()
    await rows.update(made.id, { n: 2 })
    await sync.sync()
    expect((await rowsInDatabase(p.sql, p.table)).find((row) => row.id === made.id)).toMatchObject({
      n: 2,
    })
    // As after a restore: the database has lost both.
    const admin = connect('supabase_admin')
    await admin.begin(async (tx) => {
      await tx`set local session_replication_role = replica`
      await tx`delete from ${tx(p.table)} where id in ${tx([made.id, gone.id])}`
    })
    await admin.end()
    await rows.update(made.id, { phone: '1' })
    await rows.remove(gone.id)
    const unknown = crypto.randomUUID()
    await rows.update(unknown, { name: 'created by an update' })
    expect(await sync.sync()).toMatchObject({ rejected: 0 })
    expect(await sync.sync()).toMatchObject({ rejected: 0 })
    const there = new Map((await rowsInDatabase(p.sql, p.table)).map((row) => [row.id, row]))
    expect(there.get(made.id)).toMatchObject({ name: 'made', n: 2, phone: '1' })
    expect(there.get(unknown)).toMatchObject({ name: 'created by an update' })
    expect(there.has(gone.id)).toBe(false)
    expect(await sync.queue.list()).toEqual([])
  })

  it('scheduler 30 s active / 5 min background / 15 min low battery; no sync offline, signed out, or under 15 % battery', async () => {
    const time = handClock(Date.now())
    const start = time.clock.now()
    const is = { online: true, active: true, level: 1 }
    const { sync, client } = await p.open({
      mode: 'periodic',
      clock: time.clock,
      network: { online: () => is.online, watch: () => () => {} },
      appState: { active: () => is.active, watch: () => () => {} },
      battery: { level: () => is.level, charging: () => false },
    })
    const begun: number[] = []
    sync.on('sync_started', ({ at }) => begun.push(at - start))
    const ran = async (ms: number): Promise<number> => {
      const before = begun.length
      await time.pass(ms)
      await expect.poll(() => sync.status().nextSync).not.toBeNull()
      return begun.length - before
    }
    await sync.ready()
    await expect.poll(() => sync.status().lastSync).not.toBeNull()
    expect(await ran(30_000)).toBe(1)
    is.active = false
    expect(await ran(30_000)).toBe(1)
    expect(await ran(299_000)).toBe(0)
    expect(await ran(1_000)).toBe(1)
    is.level = 0.2
    expect(await ran(300_000)).toBe(1)
    expect(await ran(899_000)).toBe(0)
    expect(await ran(1_000)).toBe(1)
    is.level = 0.14
    expect(await ran(3_600_000)).toBe(0)
    is.level = 1
    is.active = true
    is.online = false
    expect(await ran(3_600_000)).toBe(0)
    is.online = true
    // A session of its own: the user's other clients share theirs.
    await client.auth.signInWithPassword(p.user)
    await client.auth.signOut({ scope: 'local' })
    expect(await ran(3_600_000)).toBe(0)
  })

  it('grouped batches', async () => {
    const { sync, rows, faults } = await p.open({ batch: { mutations: 40 } })
    await rows.insertMany(Array.from({ length: 100 }, (_, n) => ({ n })))
    expect(await sync.push()).toMatchObject({ pushed: 100 })
    expect(faults.bodies.map(({ mutations }) => (mutations as unknown[]).length)).toEqual([
      40, 40, 20,
    ])
  })

  it('recovery: drop corrupt items, reset state, rebuild the queue from local data, restart', async () => {
    const storage = memoryStorage()
    const table = await makeTable(p.sql)
    const { sync, rows } = await p.open({ storage }, [table])
    const { id } = await rows.insert({ name: 'kept' })
    await sync.sync()
    await rows.update(id, { name: 'edited' })
    await rows.insert({ name: 'new' })
    await storage.transaction('readwrite', async (tx) => {
      const [first, second] = await tx.scan('queue')
      await tx.putMany('queue', [{ ...omit(first!, 'checksum'), op: 'nonsense' as never }])
      await tx.deleteMany('queue', [second!.seq])
      await tx.putMany('meta', [
        { name: 'cursor', cursor: { not: 'a cursor' }, pages: 1, scopes: [] },
      ])
    })
    expect(await repair(sync)).toMatchObject({ setAside: 1, rebuilt: 2 })
    expect(await recover(sync)).toMatchObject({ pushed: 2, rejected: 0 })
    expect(await sync.queue.clearFailed()).toBe(1)
    const names = (await rowsInDatabase(p.sql, table)).map(({ name }) => name)
    expect(names.toSorted()).toEqual(['edited', 'new'])
    expect((await rows.list()).map(({ name }) => name).toSorted()).toEqual(['edited', 'new'])
    expect(await verify(sync)).toMatchObject({ inSync: true })
  })

  it('errors sorted into network, auth (refresh, then retry), conflict, permanent; exponential back-off; conflict and failed queues', async () => {
    const table = await makeTable(p.sql, 'name text, n int check (n < 100)')
    const waits: number[] = []
    const time = handClock(Date.now())
    const clock = {
      now: time.clock.now,
      after(ms: number, fn: () => void) {
        waits.push(ms)
        const timer = setTimeout(fn, 1)
        return () => clearTimeout(timer)
      },
    }
    const { sync, rows, faults, client } = await p.open(
      { clock, backoff: { retries: 5, base: 1_000, cap: 30_000, jitter: 0.1 } },
      [table],
    )
    await rows.insert({ n: 1 })
    faults.always('before')
    await expect(sync.push()).rejects.toMatchObject({ name: 'NetworkError', retryable: true })
    expect(waits).toHaveLength(5)
    for (const [n, ms] of waits.entries()) {
      expect(ms).toBeGreaterThanOrEqual(0.9 * 1_000 * 2 ** n)
      expect(ms).toBeLessThanOrEqual(1.1 * 1_000 * 2 ** n)
    }
    faults.reset()
    await rows.insert({ n: 1000 })
    expect(await sync.sync()).toMatchObject({ pushed: 1, rejected: 1 })
    expect(await sync.queue.list({ status: 'failed' })).toMatchObject([
      { error: { code: 'constraint' } },
    ])
    // A session of its own: the user's other clients share theirs.
    await client.auth.signInWithPassword(p.user)
    await client.auth.signOut({ scope: 'local' })
    await expect(sync.sync()).rejects.toMatchObject({ name: 'AuthError', retryable: false })
  })

  it('errors sorted into network, auth (refresh, then retry), conflict, permanent; exponential back-off; conflict and failed queues: auth, conflict and permanent ones, and where their edits wait', async () => {
    const table = await p.make('name text, n int check (n < 100)', 'manual')
    const change = { token: false, path: false }
    const { api_url, publishable_key } = stack()
    const client = createClient(api_url, publishable_key, {
      auth: { persistSession: false, autoRefreshToken: false, detectSessionInUrl: false },
      global: {
        fetch(input, init) {
          const url = String(input)
          if (!url.includes('/rpc/sync_')) return fetch(input, init)
          const headers = new Headers(init?.headers)
          if (change.token) headers.set('authorization', `Bearer ${forged}`)
          change.token = false
          return fetch(change.path ? url.replace('sync_', 'no_') : url, { ...init, headers })
        },
      },
    })
    const { data } = await client.auth.signInWithPassword(p.user)
    const [head, , signature] = data.session!.access_token.split('.')
    const forged = `${head}.${btoa('{"role":"authenticated"}')}.${signature}`
    let renewed = 0
    client.auth.onAuthStateChange((event) => void (event === 'TOKEN_REFRESHED' && renewed++))
    const sync = createSync({ supabase: client, tables: [table], transport: 'rpc' })
    const rows = sync.table(table)
    const { id } = await rows.insert({ name: 'x' })
    change.token = true
    expect(await sync.sync()).toMatchObject({ pushed: 1 })
    expect(renewed).toBe(1)

    change.path = true
    await expect(sync.pull()).rejects.toMatchObject({ name: 'PermanentError', retryable: false })
    change.path = false

    const other = await p.open({}, [table])
    await other.sync.sync()
    await other.rows.update(id as string, { name: 'theirs' })
    await other.sync.sync()
    await rows.update(id as string, { name: 'mine' })
    await rows.insert({ name: 'too much', n: 1000 })
    expect(await sync.sync()).toMatchObject({ conflicts: 1, rejected: 1 })
    expect(await sync.conflicts.list()).toMatchObject([{ id, client: { name: 'mine' } }])
    expect(await sync.queue.list()).toMatchObject([{ status: 'failed', data: { n: 1000 } }])
    await expect(sync.conflicts.resolve(crypto.randomUUID(), 'client')).rejects.toMatchObject({
      name: 'ConflictError',
      retryable: false,
    })
    await sync.close()
  })

  it('a sync completes within 30 s, nothing is lost, the UI never waits', async () => {
    const table = await makeTable(p.sql)
    const { sync, rows } = await p.open({ verifyAfterSync: true }, [table])
    await rows.insertMany(Array.from({ length: 2000 }, (_, n) => ({ n, name: `row ${n}` })))
    const running = sync.sync()
    let during = 0
    for (let n = 0; n < 20; n++) {
      await rows.insert({ name: 'while it syncs' })
      if (sync.status().state === 'syncing') during++
    }
    expect(during).toBeGreaterThan(0)
    expect((await running).durationMs).toBeLessThan(30_000)
    await sync.sync()
    expect(await rowsInDatabase(p.sql, table)).toHaveLength(2020)
    expect(await rows.list()).toHaveLength(2020)
  })
}
