import { expect, it } from 'vitest'
import { autoResolve, type Resolver, resolveConflicts, resolvers } from '../../../../src/index.ts'
import { collide, project } from '../../support.ts'

type Data = Record<string, unknown>

const row =
  'resolvers: newest, local, remote, custom async function, ready-made ones for notifications (read wins), projects, settings'

export function resolving(): void {
  const p = project()

  /** What becomes of a row that waits for a decision, on both devices. */
  async function decide(
    columns: string,
    start: Data,
    first: Data,
    second: Data,
    resolver: Resolver,
  ): Promise<Data> {
    const table = await p.make(columns, 'manual')
    const { a, b, id } = await collide<Data>(p, table, start, first, second)
    await b.sync.sync()
    const { resolved, left, failed } = await resolveConflicts(b.sync, resolver)
    expect({ resolved: resolved.length, left, failed }).toEqual({
      resolved: 1,
      left: [],
      failed: [],
    })
    await a.sync.sync()
    const rows = await Promise.all([a.rows.get(id), b.rows.get(id)])
    expect(rows[0]).toEqual(rows[1])
    return rows[0] as unknown as Data
  }

  it.each([
    ['newest', resolvers.newest, 'second'],
    ['local', resolvers.local, 'second'],
    ['remote', resolvers.remote, 'first'],
  ])(`${row}: %s`, async (_, resolver, name) => {
    const edits = [{ name: 'x' }, { name: 'first' }, { name: 'second' }] as const
    expect(await decide('name text', ...edits, resolver)).toMatchObject({ name })
  })

  it(`${row}: a custom async function`, async () => {
    const resolver: Resolver = async ({ client, server }) => {
      await new Promise((resolve) => setTimeout(resolve, 1))
      return { row: { name: `${String(server.name)} and ${String(client!.name)}` } }
    }
    const edits = [{ name: 'x' }, { name: 'first' }, { name: 'second' }] as const
    expect(await decide('name text', ...edits, resolver)).toMatchObject({
      name: 'first and second',
    })
  })

  it(`${row}: notifications`, async () => {
    const found = await decide(
      'title text, read boolean, read_at timestamptz, status text',
      { title: 'x', read: false, status: 'new' },
      { title: 'first', read: true, read_at: '2026-01-01T00:00:00Z', status: 'read' },
      { title: 'second', read: false, read_at: '2026-01-02T00:00:00Z', status: 'snoozed' },
      resolvers.notification,
    )
    expect(found).toMatchObject({ title: 'second', read: true, status: 'read' })
    expect(Date.parse(found.read_at as string)).toBe(Date.parse('2026-01-01T00:00:00Z'))
  })

  it(`${row}: projects`, async () => {
    const found = await decide(
      'title text, members jsonb, plan jsonb',
      { title: 'x', members: ['x', 'y'], plan: { due: 1, tasks: ['x'] } },
      { title: 'first', members: ['x', 'a'], plan: { due: 2, tasks: ['x', 'a'] } },
      { title: 'second', members: ['x', 'y', 'b'], plan: { due: 1, tasks: ['x', 'b'], note: 'b' } },
      resolvers.project,
    )
    expect(found).toMatchObject({
      title: 'second',
      members: ['x', 'a', 'b'],
      plan: { tasks: ['x', 'a', 'b'], note: 'b' },
    })
  })

  it(`${row}: settings`, async () => {
    const found = await decide(
      'theme text, prefs jsonb',
      { theme: 'x', prefs: { size: 1 } },
      { theme: 'first', prefs: { size: 2, sound: true } },
      { theme: 'second', prefs: { size: 3 } },
      resolvers.settings,
    )
    expect(found).toMatchObject({ theme: 'second', prefs: { size: 3, sound: true } })
  })

  it(`${row}: one a table, after each sync, until it is turned off`, async () => {
    const table = await p.make('name text', 'manual')
    const { b, id } = await collide<Data>(p, table, { name: 'x' }, { name: 'a' }, { name: 'b' })
    const came: number[] = []
    let heard = (): void => {}
    const auto = autoResolve(
      b.sync,
      { [table]: resolvers.local },
      {
        onResolving: ({ resolved }) => {
          came.push(resolved.length)
          heard()
        },
      },
    )
    const first = new Promise<void>((resolve) => void (heard = resolve))
    await b.sync.sync()
    await first
    expect(await b.rows.get(id)).toMatchObject({ name: 'b' })

    auto.enable(false)
    const again = await collide<Data>(p, table, { name: 'x' }, { name: 'a' }, { name: 'b' })
    await again.b.sync.sync()
    await b.sync.sync()
    expect(await b.sync.conflicts.list()).toHaveLength(1)
    const second = new Promise<void>((resolve) => void (heard = resolve))
    auto.enable(true)
    await second
    expect(await b.sync.conflicts.list()).toEqual([])
    expect(came).toEqual([1, 1])
    auto.end()
  })
}
