import { expect, it } from 'vitest'
import type { Metric, Network, SyncOptions } from '../../../../src/index.ts'
import { collide, project } from '../../support.ts'

export function callbacks(): void {
  const p = project()

  it('onSync, onConflict, onOffline, onOnline, onError, onProgress', async () => {
    const calls: string[] = []
    let listener: ((online: boolean) => void) | undefined
    let online = true
    const network: Network = {
      online: () => online,
      watch(fn) {
        listener = fn
        return () => {}
      },
    }
    const go = (to: boolean): void => {
      online = to
      listener?.(to)
    }
    const names = [
      'onSync',
      'onConflict',
      'onOffline',
      'onOnline',
      'onError',
      'onProgress',
    ] as const
    const options: Partial<SyncOptions> = Object.fromEntries(
      names.map((name) => [name, () => calls.push(name)]),
    )
    const table = await p.make(undefined, 'server_wins')
    const { b } = await collide(
      p,
      table,
      { name: 'x' },
      { name: 'a' },
      { name: 'b' },
      { ...options, network },
    )
    calls.length = 0
    await b.sync.sync()
    expect(calls.filter((name) => name !== 'onProgress')).toEqual(['onConflict', 'onSync'])
    expect(calls).toContain('onProgress')
    calls.length = 0
    go(false)
    await expect(b.sync.sync()).rejects.toMatchObject({ code: 'offline' })
    go(true)
    expect(calls).toEqual(['onOffline', 'onError', 'onOnline'])
  })

  it('several devices', async () => {
    const devices = await Promise.all([p.open(), p.open(), p.open()])
    for (const [n, { rows, sync }] of devices.entries()) {
      await rows.insert({ n })
      await sync.sync()
    }
    for (const { sync } of devices) await sync.sync()
    const lists = await Promise.all(devices.map(({ rows }) => rows.list({}, { order: 'n' })))
    expect(lists[0]!.map(({ n }) => n)).toEqual([0, 1, 2])
    expect(lists[1]).toEqual(lists[0])
    expect(lists[2]).toEqual(lists[0])
  })

  it('metrics: of each request, with its time and outcome', async () => {
    const metrics: Metric[] = []
    const { sync, rows, faults } = await p.open({
      transport: 'rpc',
      metrics: (metric) => metrics.push(metric),
    })
    await rows.insert({ n: 7 })
    faults.next('before')
    await sync.sync()
    expect(metrics.map(({ operation, ok }) => [operation, ok])).toEqual([
      ['push', false],
      ['push', true],
      ['pull', true],
    ])
    expect(metrics[0]).toMatchObject({ code: 'network', sent: 1 })
    expect(metrics[1]).toMatchObject({ sent: 1, results: { applied: 1 } })
    expect(metrics[1]!.durationMs).toBeGreaterThan(0)
    expect(metrics[2]!.received).toBeGreaterThan(0)
  })

  const row = 'last-write-wins (default), local-wins, remote-wins, merge function, keep-both'
  it.each([
    ['last-write-wins (default)', undefined, 'b'],
    ['local-wins', 'client_wins', 'b'],
    ['remote-wins', 'server_wins', 'a'],
  ])(`${row}: %s`, async (_, policy, name) => {
    const table = policy ? await p.make(undefined, policy) : p.table
    const { b, id } = await collide(p, table, { name: 'x' }, { name: 'a' }, { name: 'b' })
    await b.sync.sync()
    expect(await b.rows.get(id)).toMatchObject({ name })
  })

  it(`${row}: merge function`, async () => {
    await p.sql.unsafe(`
      create or replace function public.both_names(server jsonb, client jsonb, old jsonb)
      returns jsonb language sql immutable as $$ select to_jsonb((server #>> '{}') || '+' || (client #>> '{}')) $$`)
    const table = await p.make(undefined, 'last_write_wins', { name: 'function:public.both_names' })
    const { b, id } = await collide(p, table, { name: 'x' }, { name: 'a' }, { name: 'b' })
    await b.sync.sync()
    expect(await b.rows.get(id)).toMatchObject({ name: 'a+b' })
  })

  it(`${row}: keep-both, by the server's policy or by the user's choice`, async () => {
    for (const policy of ['keep_both', 'manual']) {
      const table = await p.make(undefined, policy)
      const { a, b, id } = await collide(p, table, { name: 'x' }, { name: 'a' }, { name: 'b' })
      await b.sync.sync()
      for (const { conflict_id } of await b.sync.conflicts.list())
        expect((await b.sync.conflicts.resolve(conflict_id, 'both')).copyId).toBe(conflict_id)
      await b.sync.sync()
      await a.sync.sync()
      for (const { rows } of [a, b]) {
        expect(await rows.get(id)).toMatchObject({ name: 'a' })
        expect((await rows.list()).map(({ name }) => name).sort()).toEqual(['a', 'b'])
      }
    }
  })
}
