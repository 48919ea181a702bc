import { expect, it } from 'vitest'
import { memoryStorage, type Mode } from '../../../../src/index.ts'
import { switchable } from '../../../support/network.ts'
import { makeTable, rowsInDatabase } from '../../../support/project.ts'
import { handClock } from '../../../support/time.ts'
import { project } from '../../support.ts'

const MODES =
  'modes manual (default), auto (debounced 500 ms), periodic (30 s), realtime, on-reconnect'

export function scheduling(): void {
  const p = project()

  /** A device on a clock of its own, whose runs are noted by when they begin; that at the start is over. */
  async function watched(mode?: Mode | Mode[]) {
    const time = handClock(Date.now())
    const start = time.clock.now()
    const network = switchable()
    const table = await makeTable(p.sql)
    const device = await p.open({ ...(mode && { mode }), clock: time.clock, network }, [table])
    const runs: number[] = []
    device.sync.on('sync_started', ({ at }) => runs.push(at - start))
    await device.sync.ready()
    await expect.poll(() => runs).toHaveLength(mode ? 1 : 0)
    await expect.poll(() => device.sync.status().state).toBe('idle')
    return { ...device, table, time, network, runs }
  }

  it(`${MODES}: manual by default`, async () => {
    const { rows, time, network, runs } = await watched()
    await rows.insert({ name: 'x' })
    network.turn(false)
    network.turn(true)
    await time.pass(3_600_000)
    expect(runs).toEqual([])
  })

  it(`${MODES}: auto`, async () => {
    const { rows, time, runs } = await watched('auto')
    await rows.insert({ name: 'x' })
    await time.pass(499)
    expect(runs).toEqual([0])
    await time.pass(1)
    expect(runs).toEqual([0, 500])
  })

  it(`${MODES}: periodic`, async () => {
    const { time, runs } = await watched('periodic')
    await time.pass(30_000)
    expect(runs).toEqual([0, 30_000])
  })

  it(`${MODES}: on-reconnect`, async () => {
    const { network, runs } = await watched('on-reconnect')
    network.turn(false)
    network.turn(true)
    await expect.poll(() => runs).toHaveLength(2)
  })

  it(`${MODES}: realtime`, async () => {
    const table = await makeTable(p.sql)
    const { sync, rows, client } = await p.open({ mode: 'realtime' }, [table])
    await sync.ready()
    await expect.poll(() => sync.status().lastSync, { timeout: 10_000 }).not.toBeNull()
    const other = await p.open({}, [table])
    const { id } = await other.rows.insert({ name: 'from elsewhere' })
    await other.sync.sync()
    await expect
      .poll(() => rows.get(id), { timeout: 10_000 })
      .toMatchObject({
        name: 'from elsewhere',
      })
    sync.stop()
    await client.realtime.disconnect()
  })

  it(`${MODES}: several at once`, async () => {
    const { rows, time, runs } = await watched(['auto', 'periodic'])
    await rows.insert({ name: 'x' })
    await time.pass(500)
    expect(runs).toEqual([0, 500])
    // The next periodic one is counted from the end of the last.
    await time.pass(30_000)
    await expect.poll(() => runs).toHaveLength(3)
  })

  it('directions both, push-only, pull-only', async () => {
    const table = await makeTable(p.sql)
    const up = await p.open({ direction: 'push-only' }, [table])
    const down = await p.open({ direction: 'pull-only' }, [table])
    const both = await p.open({}, [table])
    await up.rows.insert({ name: 'up' })
    await down.rows.insert({ name: 'stays' })
    await both.rows.insert({ name: 'both' })
    expect(await up.sync.sync()).toMatchObject({ pushed: 1, pulled: 0 })
    expect(await both.sync.sync()).toMatchObject({ pushed: 1, pulled: 1 })
    expect(await down.sync.sync()).toMatchObject({ pushed: 0, pulled: 2 })
    expect(await rowsInDatabase(p.sql, table)).toHaveLength(2)
    expect(await up.rows.list()).toHaveLength(1)
  })

  it('network detection', async () => {
    const network = { ...switchable(), type: () => 'cellular' as const }
    const { sync, faults } = await p.open({ network })
    expect(sync.status()).toMatchObject({ online: true })
    network.turn(false)
    expect(sync.status()).toMatchObject({ online: false })
    await expect(sync.sync()).rejects.toMatchObject({ name: 'NetworkError', code: 'offline' })
    expect(faults.paths).toEqual([])
    network.turn(true)
    expect(await sync.sync()).toMatchObject({ pushed: 0 })
  })

  it('verification after a sync', async () => {
    const table = await makeTable(p.sql)
    const storage = memoryStorage()
    const { sync, rows } = await p.open({ storage, verifyAfterSync: true }, [table])
    await rows.insertMany([{ n: 1 }, { n: 2 }, { n: 3 }])
    const found: unknown[] = []
    sync.on('verified', (verification) => found.push(verification))
    await sync.sync()
    expect(found).toMatchObject([{ inSync: true, rows: 3 }])
    const [first] = await rows.list()
    await storage.transaction('readwrite', (tx) => tx.deleteMany('rows', [[table, first!.id]]))
    await sync.sync()
    expect(found[1]).toMatchObject({ inSync: false, healed: 1, differing: [{ ids: [first!.id] }] })
    expect(await rows.list()).toHaveLength(3)
  })

  it('compression', async () => {
    const { sync, rows, faults } = await p.open({ compress: true })
    await rows.insertMany(Array.from({ length: 500 }, (_, n) => ({ name: `row number ${n}` })))
    expect(await sync.push()).toMatchObject({ pushed: 500 })
    const [size, plain] = [faults.sizes[0]!, JSON.stringify(faults.bodies[0]).length]
    expect(size * 4).toBeLessThan(plain)
  })
}
