import { expect, it } from 'vitest'
import { memoryStorage, type SyncReport } from '../../../../src/index.ts'
import { crashing } from '../../../support/crash.ts'
import { switchable } from '../../../support/network.ts'
import { makeTable, rowsInDatabase } from '../../../support/project.ts'
import { handClock } from '../../../support/time.ts'
import { project } from '../../support.ts'

const named = (rows: readonly object[]): unknown[] =>
  rows.map((row) => (row as { name: unknown }).name).toSorted()

export function engineer(): void {
  const p = project()

  it('connectivity listener, pending queue on start, then pull', async () => {
    const storage = memoryStorage()
    const network = switchable(false)
    const before = await p.open({ storage, network })
    await before.rows.insert({ name: 'written offline' })
    await before.sync.close()
    const { client } = await p.open()
    await client.from(p.table).insert({ name: 'meanwhile' })

    const options = { storage, network, mode: 'on-reconnect', debounce: 1 } as const
    const { sync, rows, faults } = await p.open(options)
    await sync.ready()
    expect(faults.paths).toEqual([])
    const completed = new Promise<SyncReport>((resolve) => void sync.on('sync_completed', resolve))
    network.turn(true)
    expect(await completed).toMatchObject({ pushed: 1, pulled: 1 })
    expect(named(await rows.list())).toEqual(['meanwhile', 'written offline'])

    await rows.insert({ name: 'left over' })
    await sync.close()
    await client.from(p.table).insert({ name: 'after that' })
    const last = await p.open(options)
    const again = new Promise<SyncReport>((resolve) => void last.sync.on('sync_completed', resolve))
    await last.sync.ready()
    expect(await again).toMatchObject({ pushed: 1, pulled: 1 })
    await last.sync.close()

    await client.from(p.table).insert({ name: 'and then' })
    const idle = await p.open(options)
    await idle.sync.ready()
    await expect.poll(async () => named(await idle.rows.list())).toContain('and then')
  })

  it('optimistic save: local first, queued, tried at once when online', async () => {
    const { sync, rows } = await p.open({ mode: 'auto', debounce: 1 })
    await sync.ready()
    await expect.poll(() => sync.status().lastSync).not.toBeNull()
    const completed = new Promise((resolve) => void sync.on('sync_completed', resolve))
    const { id } = await rows.insert({ name: 'saved' })
    expect(await rows.get(id)).toMatchObject({ name: 'saved' })
    expect(await sync.queue.stats()).toMatchObject({ failed: 0 })
    expect(sync.status().pending).toBe(1)
    expect(await completed).toMatchObject({ pushed: 1 })
    expect(await rowsInDatabase(p.sql, p.table)).toContainEqual(
      expect.objectContaining({ id, name: 'saved' }),
    )
  })

  it('delta pull over several collections, applied in one local transaction with its cursor', async () => {
    const tables = [await makeTable(p.sql), await makeTable(p.sql)]
    const disk = memoryStorage()
    const first = await p.open({ storage: disk }, tables)
    await first.sync.sync()
    const { client } = await p.open()
    for (const table of tables) await client.from(table).insert({ name: 'new' })

    // Killed at each write of the pull in turn: rows of both tables are there, or of neither.
    for (let at = 1; ; at++) {
      const crash = crashing(disk, at, 'before')
      const { sync } = await p.open({ storage: crash.storage }, tables)
      await sync.pull().catch(() => {})
      const counts = await disk.transaction('readonly', (tx) => tx.count('rows'))
      if (!crash.died()) {
        expect(counts).toBe(2)
        break
      }
      expect([0, 2]).toContain(counts)
    }
    const { sync, faults } = await p.open({ storage: disk }, tables)
    expect(await sync.pull()).toMatchObject({ pulled: 0 })
    expect(faults.paths).toHaveLength(1)
  })

  it('network error keeps the queue, conflict is handled and the queue goes on', async () => {
    const table = await makeTable(p.sql, 'name text, phone text, n int check (n < 100)')
    const a = await p.open({}, [table])
    const b = await p.open({}, [table])
    const { id } = await a.rows.insert({ name: 'both', n: 1 })
    await a.sync.sync()
    await b.sync.sync()
    await a.rows.update(id, { name: 'theirs' })
    await a.sync.sync()
    await b.rows.update(id, { name: 'mine' })
    await b.rows.insert({ n: 1000 })
    await b.rows.insert({ name: 'after', n: 2 })
    b.faults.always('before')
    await expect(b.sync.sync()).rejects.toMatchObject({ name: 'NetworkError' })
    expect(await b.sync.queue.stats()).toMatchObject({ sent: 3, failed: 0 })
    b.faults.reset()
    expect(await b.sync.sync()).toMatchObject({ pushed: 2, rejected: 1 })
    expect(await b.sync.queue.stats()).toMatchObject({ pending: 0, sent: 0, failed: 1 })
    expect(await rowsInDatabase(p.sql, table)).toHaveLength(2)
  })

  it('queue with type, collection, document, data, timestamp, retries, status; failed after 5 tries', async () => {
    const { sync, rows, faults } = await p.open({ backoff: { retries: 5, base: 1, cap: 2 } })
    const { id } = await rows.insert({ name: 'queued' })
    expect(await sync.queue.list()).toMatchObject([
      { op: 'put', table: p.table, id, data: { name: 'queued' }, status: 'pending', attempts: 0 },
    ])
    faults.always('before')
    const failures: unknown[] = []
    sync.on('sync_error', (error) => failures.push(error))
    await expect(sync.sync()).rejects.toMatchObject({ code: 'network' })
    expect(faults.paths).toHaveLength(6)
    expect(failures).toHaveLength(1)
    // What no server has refused is not given up: it waits, with why it failed, for the next sync.
    expect(await sync.queue.list()).toMatchObject([
      { status: 'sent', attempts: 6, error: { code: 'network' }, edited_at: expect.any(String) },
    ])
    faults.reset()
    expect(await sync.sync()).toMatchObject({ pushed: 1 })
  })

  it('background periodic task with network and battery constraints, success/failure reported', async () => {
    const time = handClock(Date.now())
    const network = switchable()
    const battery = { is: 1 }
    const { sync, faults } = await p.open({
      mode: 'periodic',
      interval: { background: 60_000, lowBattery: 60_000 },
      clock: time.clock,
      network,
      appState: { active: () => false, watch: () => () => {} },
      battery: { level: () => battery.is, charging: () => false },
      backoff: { retries: 0 },
    })
    const told: string[] = []
    sync.on('sync_completed', () => told.push('success'))
    sync.on('sync_error', ({ code }) => told.push(`failure: ${code}`))
    const passes = async (ms: number, outcomes: number): Promise<void> => {
      await expect.poll(() => sync.status().nextSync).not.toBeNull()
      await time.pass(ms)
      await expect.poll(() => told.length).toBe(outcomes)
    }
    await sync.ready()
    await passes(0, 1)
    faults.always('before')
    await passes(60_000, 2)
    faults.reset()
    network.turn(false)
    await passes(60_000, 2)
    network.turn(true)
    battery.is = 0.1
    await passes(60_000, 2)
    battery.is = 0.9
    await passes(60_000, 3)
    expect(told).toEqual(['success', 'failure: network', 'success'])
  })
}
