import { expect, it } from 'vitest'
import { z } from 'zod'
import {
  autoResolve,
  type Metric,
  observe,
  resolvers,
  type SyncState,
} from '../../../../src/index.ts'
import { collide, project } from '../../support.ts'

export function observation(): void {
  const p = project()

  it('observable state: connectivity, operations, changes, conflicts; subscribers', async () => {
    const table = await p.make(undefined, 'manual')
    const { b } = await collide(p, table, { name: 'x' }, { name: 'a' }, { name: 'b' })
    const state = observe(b.sync)
    const seen: SyncState[] = []
    const end = state.subscribe(() => seen.push(state.get()))
    expect(state.get()).toMatchObject({ state: 'idle', online: true, pending: 1, conflicts: [] })
    expect(state.get()).toBe(state.get())
    await b.sync.sync()
    expect(seen.map(({ state }) => state)).toContain('syncing')
    expect(seen.some(({ progress }) => progress?.phase === 'push')).toBe(true)
    expect(state.get()).toMatchObject({ state: 'idle', pending: 0, progress: null })
    expect(state.get().conflicts).toMatchObject([{ mine: { name: 'b' } }])
    await b.rows.insert({ n: 1 })
    expect(state.get()).toMatchObject({ pending: 1, changes: { local: 1 } })
    await b.sync.conflicts.resolve(state.get().conflicts[0]!.conflictId!, 'client')
    expect(state.get().conflicts).toEqual([])
    const before = seen.length
    end()
    await b.rows.insert({ n: 2 })
    expect(seen).toHaveLength(before)
    state.end()
  })

  it('conflict analysis: temporal, structural, semantic, user context, a confidence score; field-level merge with merge metadata (strategy, confidence, when, both originals); automatic resolution on or off', async () => {
    const table = await p.make('name text, tags jsonb', 'manual')
    const { b, id } = await collide<Record<string, unknown>>(
      p,
      table,
      { name: 'x', tags: [1] },
      { name: 'a', tags: [1, 2] },
      { name: 'b', tags: [1, 3] },
    )
    const auto = autoResolve(b.sync, resolvers.merge, { enabled: false })
    await b.sync.sync()
    const [open] = await b.sync.conflicts.list()
    expect(open!.analysis).toMatchObject({
      temporal: { newer: 'client' },
      structural: { kinds: { name: 'string', tags: 'array' }, deletes: false },
      semantic: { combinable: false },
      user: { same_user: true, client_user: p.user.id },
    })
    expect(open!.analysis.confidence).toBeGreaterThan(0.5)
    expect(open!.analysis.confidence).toBeLessThanOrEqual(1)
    const resolved = new Promise((resolve) => void b.sync.on('conflict_resolved', resolve))
    auto.enable(true)
    expect(await resolved).toMatchObject({
      row: { name: 'b', tags: [1, 2, 3] },
      metadata: {
        strategy: 'merge',
        confidence: open!.analysis.confidence,
        at: expect.any(Number) as number,
        columns: { name: 'client', tags: 'merged' },
        originals: { client: { name: 'b', tags: [1, 3] }, server: { name: 'a', tags: [1, 2] } },
      },
    })
    expect(await b.rows.get(id)).toMatchObject({ name: 'b', tags: [1, 2, 3] })
    auto.end()
  })

  it('later there, here in scope: realtime, suggested resolutions: realtime, both ways', async () => {
    const table = await p.make(undefined, 'last_write_wins')
    const devices = [
      await p.open({ mode: ['auto', 'realtime'], debounce: 1 }, [table]),
      await p.open({ mode: ['auto', 'realtime'], debounce: 1 }, [table]),
    ] as const
    for (const { sync } of devices) {
      await sync.ready()
      await expect.poll(() => sync.status().lastSync, { timeout: 10_000 }).not.toBeNull()
    }
    const [a, b] = devices
    const shows = (device: typeof a, name: string) =>
      expect
        .poll(async () => (await device.rows.list()).map((row) => row.name), { timeout: 10_000 })
        .toEqual([name])
    const { id } = await a.rows.insert({ name: 'from one' })
    await shows(b, 'from one')
    await b.rows.update(id, { name: 'from the other' })
    await shows(a, 'from the other')
    for (const { sync, client } of devices) {
      sync.stop()
      await client.realtime.disconnect()
    }
  })

  it('later there, here in scope: realtime, suggested resolutions: suggested resolutions', async () => {
    const table = await p.make('tags jsonb', 'manual')
    const { b, id } = await collide<Record<string, unknown>>(
      p,
      table,
      { tags: ['x'] },
      { tags: ['x', 'a'] },
      { tags: ['x', 'b'] },
    )
    await b.sync.sync()
    const [open] = await b.sync.conflicts.list()
    expect(open!.analysis.suggested).toEqual({ row: { tags: ['x', 'a', 'b'] } })
    await b.sync.conflicts.resolve(open!.conflict_id, 'suggested')
    expect(await b.rows.get(id)).toMatchObject({ tags: ['x', 'a', 'b'] })
  })

  it('metrics by operation and strategy; health of queue, network, storage, conflicts', async () => {
    const metrics: Metric[] = []
    const table = await p.make(undefined, 'server_wins')
    const { b } = await collide(
      p,
      table,
      { name: 'x' },
      { name: 'a' },
      { name: 'b' },
      { metrics: (metric) => metrics.push(metric) },
    )
    await b.sync.sync()
    expect(metrics.at(-1)).toMatchObject({ operation: 'sync', results: { conflict: 1 } })
    expect(await b.sync.health()).toEqual({
      status: 'healthy',
      provider: 'healthy',
      queue: { status: 'healthy', message: expect.any(String) as string },
      network: { status: 'healthy', message: expect.any(String) as string },
      storage: { status: 'healthy', message: expect.any(String) as string },
      conflicts: { status: 'healthy', message: expect.any(String) as string },
    })
  })
}

export function validation(): void {
  const p = project('name text, phone text, n int check (n < 100)')

  it('validation: schema, business rules, integrity', async () => {
    const schema = z.looseObject({ name: z.string().min(1), n: z.number().optional() })
    const { sync, rows } = await p.open({}, [
      {
        name: p.table,
        validate: [
          schema,
          (row, before) =>
            before && Number(row.n) < Number(before.n) ? 'n only grows' : undefined,
        ],
      },
    ])
    await expect(rows.insert({ name: '', n: 1 })).rejects.toMatchObject({
      name: 'ValidationError',
      code: 'invalid_row',
      details: expect.stringMatching(/^name: /) as string,
    })
    await expect(rows.insertMany([{ name: 'a' }, { name: '' }])).rejects.toMatchObject({
      code: 'invalid_row',
    })
    expect(await rows.list()).toEqual([])
    const { id } = await rows.insert({ name: 'x', n: 5 })
    await expect(rows.update(id, { n: 4 })).rejects.toMatchObject({ details: 'n only grows' })
    await rows.update(id, { n: 6 })
    await rows.insert({ name: 'too much', n: 100 })
    expect(await sync.sync()).toMatchObject({ pushed: 1, rejected: 1 })
    expect(await sync.queue.list({ status: 'failed' })).toMatchObject([
      { data: { name: 'too much' }, error: { code: 'constraint' } },
    ])
  })
}
