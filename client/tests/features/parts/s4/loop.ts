import { expect, it } from 'vitest'
import { systemClock } from '../../../../src/util/clock.ts'
import { autoResolve, memoryStorage, type Metric, resolvers } from '../../../../src/index.ts'
import { collide, project } from '../../support.ts'
import { recover, verify } from '../../../../src/integrations/maintenance/index.ts'

export function loop(): void {
  const p = project()

  it('sync loop: push, pull, resolve, stamp, wait', async () => {
    const table = await p.make(undefined, 'manual')
    const metrics: Metric[] = []
    const { b, id } = await collide(
      p,
      table,
      { name: 'x' },
      { name: 'a' },
      { name: 'b' },
      { transport: 'rpc', metrics: (metric) => metrics.push(metric) },
    )
    metrics.length = 0
    const resolved = new Promise((onResolving) =>
      autoResolve(b.sync, resolvers.local, { onResolving }),
    )
    b.sync.configure({ mode: 'periodic', interval: 1 })
    const before = Date.now()
    const completed = new Promise((resolve) => void b.sync.on('sync_completed', resolve))
    b.sync.start()
    await completed
    expect(b.sync.status().lastSync!.at).toBeGreaterThanOrEqual(before)
    await resolved
    b.sync.configure({ interval: 60_000 })
    expect(b.sync.status().nextSync).not.toBeNull()
    b.sync.stop()
    const operations = metrics.map(({ operation }) => operation)
    const order = ['push', 'pull', 'sync_conflicts', 'sync_resolve']
    expect(
      operations.filter((name, n) => order.includes(name) && operations.indexOf(name) === n),
    ).toEqual(order)
    expect(await b.rows.get(id)).toMatchObject({ name: 'b' })
  })

  it('retry: at most 5, base 1 s, cap 30 s, 10 % jitter, only what is retryable', async () => {
    const waits: number[] = []
    const clock = {
      ...systemClock,
      after(ms: number, fn: () => void) {
        waits.push(ms)
        return systemClock.after(0, fn)
      },
    }
    const { sync, faults } = await p.open({
      clock,
      backoff: { retries: 5, base: 1_000, cap: 30_000 },
    })
    faults.always('before')
    await expect(sync.pull()).rejects.toMatchObject({ retryable: true })
    expect(faults.paths).toHaveLength(6)
    expect(waits).toHaveLength(5)
    for (const [n, ms] of waits.entries()) {
      const exact = 1_000 * 2 ** n
      expect(ms).toBeGreaterThanOrEqual(0.9 * exact)
      expect(ms).toBeLessThanOrEqual(1.1 * exact)
    }
    waits.length = 0
    const longer = await p.open({ clock, backoff: { retries: 8, base: 1_000, cap: 30_000 } })
    longer.faults.always('before')
    await expect(longer.sync.pull()).rejects.toMatchObject({ retryable: true })
    expect(Math.max(...waits)).toBeLessThanOrEqual(30_000)

    waits.length = 0
    const wrong = await p.open({ clock }, ['no_such_table'])
    await expect(wrong.sync.pull()).rejects.toMatchObject({ retryable: false })
    expect([wrong.faults.paths.length, waits.length]).toEqual([1, 0])
  })

  it('recovery: partial sync, corruption, version mismatch, full resync without losing queued edits', async () => {
    for (const trouble of [
      'partial-sync',
      'corruption',
      'version-mismatch',
      'full-resync',
    ] as const) {
      const storage = memoryStorage()
      const table = await p.make(undefined, 'last_write_wins')
      const { sync, rows } = await p.open({ storage }, [table])
      const made = await rows.insertMany([{ n: 1 }, { n: 2 }, { n: 3 }])
      await sync.sync()
      await rows.update(made[0]!.id, { name: trouble })
      if (trouble !== 'partial-sync')
        await storage.transaction('readwrite', (tx) =>
          tx.deleteMany('rows', [[table, made[1]!.id]]),
        )
      expect(await recover(sync, trouble)).toMatchObject({ pushed: 1, rejected: 0 })
      const list = await rows.list({}, { order: 'n' })
      expect(list.map(({ n, name }) => [n, name])).toEqual([
        [1, trouble],
        [2, null],
        [3, null],
      ])
      expect(await verify(sync, { heal: false })).toMatchObject({ inSync: true })
    }
  })
}

export function kinds(): void {
  const p = project()

  it('error kinds network, auth, validation, conflict, storage, unknown', async () => {
    const { sync, rows, client, faults } = await p.open()
    const kind = async (work: Promise<unknown>): Promise<string> =>
      work.then(
        () => 'none',
        (error: Error) => error.name,
      )
    faults.next('before', 'before', 'before', 'before')
    expect(await kind(sync.pull())).toBe('NetworkError')
    faults.reset()
    expect(await kind(rows.update(crypto.randomUUID(), { n: 1 }))).toBe('ValidationError')
    await rows.insert({ n: 1 })
    expect(await kind(sync.signOut())).toBe('ConflictError')
    expect(await kind(sync.sync({ signal: AbortSignal.abort() }))).toBe('UnknownError')
    await client.auth.signOut({ scope: 'local' })
    expect(await kind(sync.sync())).toBe('AuthError')
    await sync.close()
    expect(await kind(rows.list())).toBe('StorageError')
  })
}
