import { expect, it } from 'vitest'
import { type Progress } from '../../../../src/index.ts'
import { makeTable, rowsInDatabase } from '../../../support/project.ts'
import { handClock } from '../../../support/time.ts'
import { project } from '../../support.ts'

export function operations(): void {
  const p = project()

  it('seed (one-way up), hydrate (one-way down, new device), sync (both), each over chosen tables with progress percentage and message', async () => {
    const [projects, settings] = [await makeTable(p.sql), await makeTable(p.sql)]
    const old = await p.open({ batch: { mutations: 10 }, pageSize: 10 }, [projects, settings])
    const names = Array.from({ length: 20 }, (_, n) => ({ name: `project ${n}` }))
    await old.rows.insertMany(names)
    await old.sync.table(settings).insert({ name: 'theme' })
    const seen: Progress[] = []
    const onProgress = (progress: Progress) => seen.push(progress)
    expect(await old.sync.seed({ tables: [projects], onProgress })).toMatchObject({
      pushed: 20,
      pulled: 0,
    })
    expect(seen.map(({ percentage, message }) => [percentage, message])).toEqual([
      [48, 'Sent 10 of 21 edits'],
      [95, 'Sent 20 of 21 edits'],
    ])
    expect(await rowsInDatabase(p.sql, settings)).toEqual([])

    seen.length = 0
    const fresh = await p.open({ pageSize: 10 }, [projects, settings])
    await fresh.rows.insert({ name: 'unsent' })
    const tables = [projects]
    expect(await fresh.sync.hydrate({ tables, onProgress })).toMatchObject({
      pushed: 0,
      pulled: 20,
    })
    expect(seen[0]).toMatchObject({ percentage: 50, message: 'Downloaded 10 of 20 rows' })
    expect(seen.at(-1)).toMatchObject({ percentage: 100 })

    seen.length = 0
    expect(await old.sync.sync({ onProgress })).toMatchObject({ pushed: 1 })
    expect(await fresh.sync.sync({ tables: [projects, settings] })).toMatchObject({
      pushed: 1,
      pulled: 1,
    })
    expect(seen.at(-1)).toMatchObject({ phase: 'pull', percentage: 100 })
  })

  it('auto-sync with interval, start, stop, config at run time', async () => {
    const time = handClock(Date.now())
    const start = time.clock.now()
    const { sync } = await p.open({ mode: 'periodic', interval: 10_000, clock: time.clock })
    const runs: number[] = []
    sync.on('sync_started', ({ at }) => runs.push(at - start))
    const ran = async (ms: number, ...all: number[]): Promise<void> => {
      await time.pass(ms)
      await expect.poll(() => runs).toEqual(all)
      await expect.poll(() => sync.status().state).toBe('idle')
    }
    await sync.ready()
    await ran(0, 0)
    await ran(10_000, 0, 10_000)
    sync.configure({ interval: 60_000 })
    const begun = [0, 10_000, 10_000]
    await ran(0, ...begun)
    await ran(59_000, ...begun)
    await ran(1_000, ...begun, 70_000)
    sync.stop()
    expect(sync.status().nextSync).toBeNull()
    await ran(600_000, ...begun, 70_000)
    sync.start()
    await ran(0, ...begun, 70_000, 670_000)
    await ran(60_000, ...begun, 70_000, 670_000, 730_000)
    sync.configure({ mode: 'manual' })
    await ran(600_000, ...begun, 70_000, 670_000, 730_000)
  })

  it('retry queue: stats, clear completed older than, retry all failed, clear failed', async () => {
    const table = await makeTable(p.sql, 'name text, n int constraint small check (n < 100)')
    const time = handClock(Date.now())
    const { sync, rows } = await p.open({ clock: time.clock }, [table])
    await rows.insertMany([{ n: 1 }, { n: 2 }])
    await sync.sync()
    await time.pass(60_000)
    await rows.insertMany([{ n: 3 }, { n: 1000 }, { n: 2000 }])
    await sync.sync()
    const stats = { pending: 0, sent: 0, failed: 2, completed: 3 }
    expect(await sync.queue.stats()).toEqual(stats)
    expect(await sync.queue.clearCompleted(60_001)).toBe(0)
    expect(await sync.queue.clearCompleted(30_000)).toBe(2)
    expect(await sync.queue.stats()).toEqual({ ...stats, completed: 1 })
    expect(await sync.queue.clearCompleted()).toBe(1)

    let told = 0
    sync.on('queue_changed', () => told++)
    const [first] = await sync.queue.list({ status: 'failed' })
    await sync.queue.editFailed(first!.seq, { n: 5 })
    expect(told).toBe(1)
    expect(await sync.queue.retryFailed()).toBe(2)
    expect(await sync.sync()).toMatchObject({ pushed: 1, rejected: 1 })
    expect(await sync.queue.clearFailed()).toBe(1)
    expect(told).toBe(3)
    expect(await sync.queue.stats()).toMatchObject({ failed: 0, completed: 1 })
    expect(await rowsInDatabase(p.sql, table)).toHaveLength(4)
  })

  it('selective sync', async () => {
    const [one, two] = [await makeTable(p.sql), await makeTable(p.sql)]
    const { sync, rows } = await p.open({}, [one, two])
    await rows.insert({ name: 'chosen' })
    await sync.table(two).insert({ name: 'not chosen' })
    expect(await sync.sync({ tables: [one] })).toMatchObject({ pushed: 1 })
    expect(await rowsInDatabase(p.sql, one)).toHaveLength(1)
    expect(await rowsInDatabase(p.sql, two)).toHaveLength(0)
    expect(await sync.sync()).toMatchObject({ pushed: 1 })
  })
}
