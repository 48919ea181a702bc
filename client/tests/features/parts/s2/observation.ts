import { expect, it } from 'vitest'
import { anonClient } from '../../../../../dev/testing.ts'
import { createSync, type Progress } from '../../../../src/index.ts'
import { handClock } from '../../../support/time.ts'
import { collide, project } from '../../support.ts'

export function observation(): void {
  const p = project()

  it('events sync_started, sync_progress, sync_completed, sync_error, conflict_detected', async () => {
    const table = await p.make(undefined, 'server_wins')
    const { b } = await collide(p, table, { name: 'x' }, { name: 'a' }, { name: 'b' })
    const events: string[] = []
    const progress: Progress[] = []
    for (const name of [
      'sync_started',
      'sync_completed',
      'sync_error',
      'conflict_detected',
    ] as const)
      b.sync.on(name, () => events.push(name))
    const end = b.sync.on('sync_progress', (step) => progress.push(step))
    await b.sync.sync()
    expect(events).toEqual(['sync_started', 'conflict_detected', 'sync_completed'])
    expect(progress[0]).toMatchObject({ phase: 'push', done: 1, total: 1, percentage: 100 })
    end()
    b.faults.always('before')
    await expect(b.sync.sync()).rejects.toMatchObject({ name: 'NetworkError' })
    expect(events.slice(3)).toEqual(['sync_started', 'sync_error'])
    expect(progress.filter(({ phase }) => phase === 'push')).toHaveLength(1)
  })

  it('auto-sync with interval, start, stop, config at run time', async () => {
    const time = handClock(Date.now())
    const { sync, rows } = await p.open({ clock: time.clock })
    await sync.ready()
    expect(sync.status().nextSync).toBeNull()
    sync.configure({ mode: 'periodic', interval: 60_000 })
    sync.start()
    await expect.poll(() => sync.status().nextSync).toBe(time.clock.now() + 60_000)
    await expect.poll(() => sync.status().lastSync).not.toBeNull()
    await rows.insert({ n: 1 })
    const completed = new Promise((resolve) => void sync.on('sync_completed', resolve))
    await time.pass(60_000)
    expect(await completed).toMatchObject({ pushed: 1 })
    sync.configure({ interval: 10_000 })
    expect(sync.status().nextSync! - time.clock.now()).toBeLessThanOrEqual(10_000)
    sync.stop()
    expect(sync.status().nextSync).toBeNull()
    expect(time.waiting()).toBe(0)
  })

  it('stats: totals, last sync, pending, conflicts resolved, history of runs', async () => {
    const table = await p.make(undefined, 'manual')
    const { b } = await collide(p, table, { name: 'x' }, { name: 'a' }, { name: 'b' })
    await b.sync.sync()
    const [open] = await b.sync.conflicts.list()
    await b.sync.conflicts.resolve(open!.conflict_id, 'client')
    await b.rows.insert({ n: 1 })
    const stats = await b.sync.stats()
    expect(stats).toMatchObject({
      queue: { length: 1 },
      totals: { runs: 2, succeeded: 2, pulled: 1, conflicts: 1, resolved: 1 },
      history: [
        { kind: 'sync', ok: true, report: { pulled: 1 } },
        { kind: 'sync', ok: true, report: { conflicts: 1 } },
      ],
    })
    expect(stats.lastSync).toBe(stats.history[1]!.at)
  })

  const unreachable = { always: 'before' } as const

  it('provider name, connected, validateConnection', async () => {
    const { sync, faults } = await p.open()
    expect(sync.provider.name).toBe('supabase')
    expect(sync.provider.connected()).toBe(true)
    expect(await sync.provider.validate()).toMatchObject({ status: 'healthy', openConflicts: 0 })
    faults.always(unreachable.always)
    expect(await sync.provider.validate()).toMatchObject({
      status: 'disconnected',
      error: { code: 'network' },
    })
    await expect(sync.sync()).rejects.toMatchObject({ name: 'NetworkError' })
    expect(sync.provider.connected()).toBe(false)
  })

  const row = 'health check: no provider, disconnected, invalid, healthy'
  it(`${row}: each as it comes about`, async () => {
    const { sync, rows, faults } = await p.open()
    expect(await sync.health()).toMatchObject({ status: 'healthy', provider: 'healthy' })
    faults.always(unreachable.always)
    await rows.insert({ n: 1 })
    await expect(sync.sync()).rejects.toMatchObject({ name: 'NetworkError' })
    expect(await sync.health()).toMatchObject({
      status: 'warning',
      provider: 'disconnected',
      queue: { status: 'warning' },
      network: { status: 'warning' },
      storage: { status: 'healthy' },
    })
    const signedOut = createSync({ supabase: anonClient(), tables: [p.table] })
    expect(await signedOut.health()).toMatchObject({ status: 'failing', provider: 'invalid' })
    await signedOut.close()
    expect(await signedOut.health()).toMatchObject({ storage: { status: 'failing' } })
    const alone = createSync({ tables: [p.table] })
    expect(await alone.health()).toMatchObject({ status: 'healthy', provider: 'no_provider' })
    await alone.close()
  })

  it('works entirely without credentials, sync appears when URL and key are given', async () => {
    const sync = createSync({ tables: [p.table], mode: 'auto', debounce: 5 })
    await sync.ready()
    const rows = sync.table(p.table)
    const { id } = await rows.insert({ name: 'before there was a server' })
    await rows.update(id as string, { n: 1 })
    expect(await rows.list()).toMatchObject([{ id, n: 1 }])
    expect(sync.provider.name).toBeNull()
    await expect(sync.sync()).rejects.toMatchObject({ code: 'no_provider' })

    const { client } = await p.open()
    const completed = new Promise((resolve) => void sync.on('sync_completed', resolve))
    sync.provider.connect(client)
    expect(await completed).toMatchObject({ pushed: 1 })
    expect(sync.provider.name).toBe('supabase')
    expect(await p.sql.unsafe(`select n from ${p.table} where id = $1`, [id as string])).toEqual([
      { n: 1 },
    ])
    await sync.close()
  })
}
